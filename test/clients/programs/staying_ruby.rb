# The stomp gem's clients at one node that never connect again: see test/harness/surviving/stay-clients.ts for what they do, and
# staying_stomp_py.py for the lines that go in and out.
# usage: staying_ruby.rb PORT NAME NODE PACE_MS
require 'stomp'

PORT = ARGV[0].to_i
NAME = ARGV[1]
NODE = ARGV[2]
PACE = ARGV[3].to_f / 1000
WINDOW = 10
KEPT = 10
PREFETCH = '50'
SENDS_OF_TRANSACTION = 2
TRANSACTION_SECONDS = 0.04

$stdout.sync = true
Thread.abort_on_exception = true
OUTPUT = Mutex.new

def tell(line)
  OUTPUT.synchronize { $stdout.write("#{line}\n") }
end

# A connection, read by a thread of its own.
class Client
  attr_reader :name

  def initialize(kind)
    @name = "#{kind}.#{NODE}"
    @may_end = false
    @guard = Mutex.new
    @changed = ConditionVariable.new
    hash = {
      hosts: [{ login: 'test', passcode: 'test', host: '127.0.0.1', port: PORT }],
      reliable: false,
      connect_headers: { 'accept-version' => '1.2', 'host' => 'test', 'heart-beat' => '2000,2000' }
    }
    @connection = Stomp::Connection.new(hash)
  end

  def listen
    @reader = Thread.new { read }
  end

  def destination(mode)
    "/queue/#{NAME}-#{mode}"
  end

  def finish
    @may_end = true
    # The gem waits for this receipt itself, and would wait for ever while another thread reads.
    @reader.kill
    @reader.join
    @connection.disconnect('receipt' => 'bye')
  end

  private

  def read
    loop do
      frame = @connection.receive
      if frame.nil?
        tell("cut #{@name} the connection ended") unless @may_end
        break
      end
      case frame.command
      when 'MESSAGE'
        marked = frame.headers['redelivered'] == 'true' ? 1 : 0
        tell("got #{@name} #{frame.headers['message-id']} #{marked} #{frame.body}")
        take(frame.headers['ack'])
      when 'RECEIPT' then receipt(frame.headers['receipt-id'])
      else tell("cut #{@name} #{frame.command} #{frame.headers['message']}")
      end
    end
  rescue StandardError => e
    tell("cut #{@name} #{e.class} #{e.message.tr("\n", ' ')}") unless @may_end
  end

  def take(_ack); end

  def receipt(_id); end
end

class Producer < Client
  def initialize(mode)
    super("p#{mode[0]}")
    @queue = destination(mode)
    @next = 0
    @open = 0
    listen
  end

  def send_one
    @guard.synchronize do
      return if @open >= WINDOW

      @open += 1
    end
    id = "#{@name}-#{@next}"
    @next += 1
    tell("sent #{id}")
    @connection.publish(@queue, id, 'receipt' => id)
  end

  def stop
    @guard.synchronize { @changed.wait(@guard) until @open.zero? }
  end

  private

  def receipt(id)
    tell("receipt #{id}")
    @guard.synchronize do
      @open -= 1
      @changed.broadcast
    end
  end
end

class Consumer < Client
  def initialize(mode)
    super("c#{mode[0]}")
    @mode = mode
    @kept = []
    ack = mode == 'individual' ? 'client-individual' : mode
    @connection.subscribe(destination(mode), { 'ack' => ack, 'id' => '0', 'prefetch-count' => PREFETCH }, '0')
    listen
  end

  def finish
    left = @guard.synchronize { @mode == 'individual' ? @kept.slice!(0..) : @kept.slice!(0..).last(1) }
    left.each { |ack| @connection.ack(ack) }
    super
  end

  private

  def take(ack)
    return if @mode == 'auto'

    settled = @guard.synchronize do
      @kept.push(ack)
      next if @kept.length <= KEPT

      @mode == 'individual' ? @kept.shift : @kept.slice!(0..).last
    end
    @connection.ack(settled) unless settled.nil?
  end
end

class Transactor < Client
  def initialize
    super('t')
    @unsettled = []
    @queue = destination('tx')
    @held = false
    @ending = false
    @committed = 0
    @connection.subscribe(@queue, { 'ack' => 'client-individual', 'id' => '0', 'prefetch-count' => PREFETCH }, '0')
    listen
    @worker = Thread.new { work }
  end

  def hold
    @guard.synchronize { @held = true }
  end

  def release
    @guard.synchronize do
      @held = false
      @changed.broadcast
    end
  end

  def stop
    @ending = true
    release
    @worker.join
  end

  def finish
    @unsettled.each { |ack| @connection.ack(ack) }
    super
  end

  private

  def take(ack)
    @guard.synchronize { @unsettled.push(ack) }
  end

  def receipt(_id)
    @guard.synchronize do
      @committed += 1
      @changed.broadcast
    end
  end

  def work
    following = 0
    number = 0
    until @ending
      number += 1
      transaction = "t#{number}"
      @connection.begin(transaction)
      ids = Array.new(SENDS_OF_TRANSACTION) { |i| "#{@name}-#{following + i}" }
      following += ids.length
      ids.each do |id|
        tell("sent #{id}")
        @connection.publish(@queue, id, 'transaction' => transaction)
      end
      settled = @guard.synchronize { @unsettled.slice!(0..) }
      settled.each { |ack| @connection.ack(ack, 'transaction' => transaction) }
      sleep(TRANSACTION_SECONDS)
      @guard.synchronize do
        tell('holding') if @held
        @changed.wait(@guard) while @held
      end
      @connection.commit(transaction, 'receipt' => transaction)
      @guard.synchronize { @changed.wait(@guard) until @committed == number }
      ids.each { |id| tell("receipt #{id}") }
      tell("committed #{@name}/#{number}")
    end
  end
end

modes = %w[individual client auto]
consumers = modes.map { |mode| Consumer.new(mode) }
producers = modes.map { |mode| Producer.new(mode) }
transactor = Transactor.new
sending = true
pacer = Thread.new do
  while sending
    producers.each(&:send_one)
    sleep(PACE)
  end
end
tell('ready')
while (line = $stdin.gets)
  case line.strip
  when 'hold' then transactor.hold
  when 'release' then transactor.release
  when 'stop'
    sending = false
    pacer.join
    producers.each(&:stop)
    transactor.stop
    tell('stopped')
  when 'finish'
    (consumers + producers + [transactor]).each(&:finish)
    tell('finished')
    break
  end
end
