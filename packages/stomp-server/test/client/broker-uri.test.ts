import t from 'tap';
import { parseBrokerUri } from '../../src/client/broker-uri.ts';
import { StompClientError } from '../../src/client/client-error.ts';

function addresses(uri: string): string[] {
  return parseBrokerUri(uri).brokers.map(({ address }) => `${address.host} ${address.port}`);
}

t.test('one address: no reconnect', async () => {
  t.same(addresses('tcp://h:1234'), ['h 1234']);
  t.same(addresses('stomp://h'), ['h 61613']);
  t.same(addresses('tcp://[::1]:5'), ['::1 5']);
  t.equal(parseBrokerUri('tcp://h:1').maxReconnectAttempts, 0);
});

t.test('what is spoken below STOMP, and the port for it', async () => {
  const transports = (uri: string): string[] =>
    parseBrokerUri(uri).brokers.map(({ transport, address, path }) => `${transport} ${address.port} ${path}`);
  t.same(transports('failover:(tcp://a,ssl://a,ws://a,wss://a)'), [
    'tcp 61613 /',
    'ssl 61612 /',
    'ws 61614 /',
    'wss 61615 /',
  ]);
  t.same(transports('stomp+ssl://a:1'), ['ssl 1 /']);
  t.same(transports('wss://a:1/some/where?token=x'), ['wss 1 /some/where?token=x']);
  t.same(transports('ssl://a:1?wireFormat=x'), ['ssl 1 /'], 'what other clients say to themselves');
});

t.test('failover, in all its forms', async () => {
  for (const uri of [
    'failover:(tcp://a:1,tcp://b:2)',
    'failover://(tcp://a:1,tcp://b:2)',
    'failover:tcp://a:1,tcp://b:2',
  ]) {
    t.same(addresses(uri), ['a 1', 'b 2'], uri);
    t.equal(parseBrokerUri(uri).maxReconnectAttempts, -1);
  }
});

t.test('options', async () => {
  const query = 'randomize=false&initialReconnectDelay=5&maxReconnectDelay=50&maxReconnectAttempts=3&unknown=x';
  const uri = parseBrokerUri(`failover:(tcp://a:1)?${query}`);
  t.match(uri, { randomize: false, initialReconnectDelayMs: 5, maxReconnectDelayMs: 50, maxReconnectAttempts: 3 });
  t.equal(uri.startupMaxReconnectAttempts, 3);
  t.equal(parseBrokerUri('failover:(tcp://a:1)?startupMaxReconnectAttempts=1').startupMaxReconnectAttempts, 1);
});

t.test('users', async () => {
  t.match(parseBrokerUri('tcp://ann:p%40ss@h:1').brokers[0], { login: 'ann', passcode: 'p@ss' });
  t.match(parseBrokerUri('tcp://h:1').brokers[0], { login: null, passcode: null });
});

t.test('what is no URI says so, and never shows a passcode', async () => {
  for (const uri of [
    '',
    'h:1',
    'tcp://',
    'tcp://h:0',
    'tcp://h:70000',
    'failover:()',
    'failover:(tcp://a:1',
    'amqp://h:1',
    'tcp://h:1/path',
    'ssl://h:1/path',
  ]) {
    t.throws(() => parseBrokerUri(uri), { code: 'bad-uri' }, uri);
  }
  t.throws(() => parseBrokerUri('failover:(tcp://a:1)?maxReconnectAttempts=x'), { code: 'bad-uri' });
  try {
    parseBrokerUri('failover:(tcp://ann:secret@h:99999)');
    t.fail('taken');
  } catch (error) {
    t.ok(error instanceof StompClientError);
    t.notMatch(String(error), 'secret');
  }
});
