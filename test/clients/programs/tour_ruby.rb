# What the Ruby gem stomp can do, against a cluster whose master is killed at the end: see test/clients/tours.test.ts for the steps.
# usage: tour_ruby.rb NAME PORT... (the first one is the master's)
require 'stomp'
require 'timeout'

NAME = ARGV[0]
PORTS = ARGV[1..].map(&:to_i)
PATIENCE = 60
BEAT_MS = 1500
OCTOPUS = '🐙 grüße'.freeze
ALL_BYTES = (0..255).to_a.pack('C*').freeze
$stdout.sync = true

def ok(step)
  puts "ok #{step}"
end

def check(condition, what)
  return if condition

  puts "not ok #{what}"
  exit 1
end

def queue_of(name)
  "/queue/#{NAME}-#{name}"
end

# A connection; frames that are not asked for wait.
class Session
  attr_reader :connection

  def initialize(ports, beats: '0,0', reliable: false, passcode: 'test')
    @waiting = []
    @count = 0
    @connection = Stomp::Connection.new(
      hosts: ports.map { |port| { login: 'test', passcode: passcode, host: '127.0.0.1', port: port } },
      reliable: reliable, initial_reconnect_delay: 0.1, use_exponential_back_off: false, connect_timeout: 2,
      connect_headers: { 'accept-version' => '1.2', 'host' => 'test', 'heart-beat' => beats }
    )
  end

  def frame(&wanted)
    at = @waiting.index(&wanted)
    return @waiting.delete_at(at) if at

    Timeout.timeout(PATIENCE) do
      loop do
        frame = @connection.receive
        check(frame, 'the connection goes on')
        check(frame.command != 'ERROR', "no ERROR: #{frame.headers['message']}")
        return frame if wanted.call(frame)

        @waiting.push(frame)
      end
    end
  end

  def messages(count)
    Array.new(count) { frame { |f| f.command == 'MESSAGE' } }
  end

  def asked
    receipt = "r#{@count += 1}"
    yield 'receipt' => receipt
    frame { |f| f.headers['receipt-id'] == receipt }
  end

  def send(destination, body, headers = {})
    asked { |receipt| @connection.publish(destination, body, headers.merge(receipt)) }
  end

  def subscribe(destination, ack, id = 's')
    @connection.subscribe(destination, { 'ack' => ack, 'id' => id }, id)
  end

  def ack(message, headers = {})
    asked { |receipt| @connection.ack(message.headers['ack'], headers.merge(receipt)) }
  end

  def nack(message)
    asked { |receipt| @connection.nack(message.headers['ack'], receipt) }
  end

  def leave
    @connection.disconnect('receipt' => 'bye')
    check(@connection.disconnect_receipt.headers['receipt-id'] == 'bye', 'RECEIPT of DISCONNECT')
  end
end

def left(name, count)
  session = Session.new(PORTS.first(1))
  session.subscribe(queue_of(name), 'auto')
  bodies = session.messages(count).map(&:body)
  session.leave
  bodies
end

main = Session.new(PORTS.first(1))
ok('connect')
refused =
  begin
    Session.new(PORTS.first(1), passcode: 'wrong').connection.connection_frame.command == 'ERROR'
  rescue Stomp::Error::StompException
    true
  end
check(refused, 'a wrong passcode is refused')
ok('wrong passcode')

# Without a backslash: the gem undoes escapes one kind after the other, and makes a colon of a backslash before a `c`.
main.send(queue_of('receipt'), 'hello', 'kind' => "a:b\nd")
main.subscribe(queue_of('receipt'), 'auto')
message = main.messages(1).first
check(message.body == 'hello' && message.headers['kind'] == "a:b\nd", 'a message as it was sent')
ok('receipt')
ok('ack auto')

{ 'client' => %w[3], 'client-individual' => %w[1 3] }.each do |mode, expected|
  %w[1 2 3].each { |body| main.send(queue_of(mode), body) }
  holder = Session.new(PORTS.first(1))
  holder.subscribe(queue_of(mode), mode)
  holder.ack(holder.messages(3)[1])
  holder.leave
  check(left(mode, expected.length) == expected, "left of #{mode}")
  ok("ack #{mode}")
end

main.subscribe(queue_of('nack'), 'client-individual', 'n')
main.send(queue_of('nack'), 'again')
message = main.messages(1).first
main.nack(message)
again = main.messages(1).first
check(again.headers['message-id'] == message.headers['message-id'], 'NACK brings it again')
check(again.headers['redelivered'] == 'true', 'and says so')
main.ack(again)
ok('nack')

main.subscribe(queue_of('transaction'), 'client-individual', 't')
main.connection.begin('t1')
%w[1 2].each { |body| main.connection.publish(queue_of('transaction'), body, 'transaction' => 't1') }
main.connection.commit('t1')
held = main.messages(2)
check(held.map(&:body) == %w[1 2], 'what was committed')
ok('commit')
main.connection.begin('t2')
main.connection.publish(queue_of('transaction'), 'never', 'transaction' => 't2')
main.ack(held.first, 'transaction' => 't2')
main.connection.abort('t2')
held.each { |one| main.ack(one) }
main.send(queue_of('transaction'), 'after')
message = main.messages(1).first
check(message.body == 'after', 'what was aborted never comes')
main.ack(message)
ok('abort')

beating = Session.new(PORTS.first(1), beats: "#{BEAT_MS},#{BEAT_MS}")
sleep(3.5 * BEAT_MS / 1000.0)
beating.send(queue_of('beats'), 'alive')
check(beating.connection.hbsend_count >= 3, 'the gem has sent its heart-beats')
ok('heart-beats kept')
# The thread that sends them.
beating.connection.instance_variable_get(:@st).kill
sleep(3.5 * BEAT_MS / 1000.0)
gone =
  begin
    Timeout.timeout(PATIENCE) { beating.connection.receive.nil? }
  rescue Stomp::Error::StompException, SystemCallError, IOError
    true
  end
check(gone, 'dropped without heart-beats')
ok('heart-beats broken')

main.subscribe(queue_of('bodies'), 'auto', 'b')
main.send(queue_of('bodies'), ALL_BYTES)
check(main.messages(1).first.body.b == ALL_BYTES, 'every byte')
ok('binary')
main.send(queue_of('bodies'), OCTOPUS, 'octopus' => OCTOPUS)
message = main.messages(1).first
check(message.body.dup.force_encoding('UTF-8') == OCTOPUS && message.headers['octopus'] == OCTOPUS, 'four bytes')
ok('UTF-8')
main.send(queue_of('bodies'), 'x' * 5_000_000)
check(main.messages(1).first.body == 'x' * 5_000_000, '5 MB')
ok('5 MB')
main.leave

# The gem connects and subscribes again by itself; the test sends to `wake` when there is a new master.
last = Session.new(PORTS, reliable: true)
last.send(queue_of('kept'), 'before')
last.subscribe(queue_of('wake'), 'auto', 'w')
puts 'ready'
check(last.messages(1).first.body == 'wake', 'subscribed again')
last.subscribe(queue_of('kept'), 'client-individual', 'k')
last.send(queue_of('kept'), 'after')
held = last.messages(2)
check(held.map(&:body) == %w[before after], 'nothing is lost')
held.each { |one| last.ack(one) }
last.leave
ok('reconnect')
