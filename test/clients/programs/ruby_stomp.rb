# The stomp gem against one node: prints one line per step that held, exits 1 on the first that did not.
# usage: ruby_stomp.rb PORT QUEUE
require 'stomp'
require 'timeout'

PORT = ARGV[0].to_i
NAME = ARGV[1]
PATIENCE = 30

def check(condition, what)
  unless condition
    puts "not ok #{what}"
    exit 1
  end
  puts "ok #{what}"
end

def receive(connection)
  Timeout.timeout(PATIENCE) { connection.receive }
end

%w[1.0 1.1 1.2].each do |version|
  destination = "/queue/#{NAME}-#{version}"
  hash = {
    hosts: [{ login: 'test', passcode: 'test', host: '127.0.0.1', port: PORT }],
    reliable: false,
    connect_headers: { 'accept-version' => version, 'host' => 'test' }
  }
  connection = Stomp::Connection.new(hash)
  check(connection.protocol == version, "#{version} connects")

  connection.publish(destination, 'hello', 'receipt' => 'r1', 'kind' => 'plain')
  frame = receive(connection)
  check(frame.command == 'RECEIPT' && frame.headers['receipt-id'] == 'r1', "#{version} SEND gets its receipt")

  connection.subscribe(destination, { 'ack' => 'client', 'id' => 's1' }, 's1')
  message = receive(connection)
  check(message.command == 'MESSAGE' && message.body == 'hello', "#{version} body comes out as it went in")
  check(message.headers['kind'] == 'plain', "#{version} header comes out as it went in")

  acknowledge = lambda do |m|
    case version
    when '1.0' then connection.ack(m.headers['message-id'])
    when '1.1' then connection.ack(m.headers['message-id'], 'subscription' => 's1')
    else connection.ack(m.headers['ack'])
    end
  end
  if version != '1.0'
    if version == '1.1'
      connection.nack(message.headers['message-id'], 'subscription' => 's1')
    else
      connection.nack(message.headers['ack'])
    end
    message = receive(connection)
    check(message.headers['redelivered'] == 'true', "#{version} NACK brings it again, marked")
  end
  acknowledge.call(message)

  connection.begin('t1')
  connection.publish(destination, 'one', 'transaction' => 't1')
  connection.publish(destination, 'two', 'transaction' => 't1')
  connection.commit('t1', 'receipt' => 'r2')
  frames = [receive(connection), receive(connection), receive(connection)]
  receipts, messages = frames.partition { |f| f.command == 'RECEIPT' }
  check(receipts.map { |f| f.headers['receipt-id'] } == ['r2'], "#{version} COMMIT gets its receipt")
  check(messages.map(&:body) == %w[one two], "#{version} committed messages come in order")
  # Cumulative: the last one stands for both.
  acknowledge.call(messages.last)

  connection.begin('t2')
  connection.publish(destination, 'never', 'transaction' => 't2')
  connection.abort('t2')
  connection.publish(destination, 'after')
  message = receive(connection)
  check(message.body == 'after', "#{version} an aborted message never comes")
  acknowledge.call(message)
  connection.disconnect('receipt' => 'bye')
  check(connection.disconnect_receipt.headers['receipt-id'] == 'bye', "#{version} DISCONNECT gets its receipt")
end
