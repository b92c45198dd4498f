import t from 'tap';
import { errorOf, SessionBench } from './support.ts';

t.test('CONNECTED says version, session, server, heart-beat and failover, in each version', async () => {
  for (const [accept, version] of [
    ['1.0', '1.0'],
    ['1.0,1.1', '1.1'],
    ['1.2', '1.2'],
    ['1.0, 1.1 ,1.2,2.0', '1.2'],
  ] as const) {
    const bench = new SessionBench();
    bench.client('CONNECT', { 'accept-version': accept, host: 'anything', login: 'x', passcode: 'y' });
    t.same(bench.written(), [
      `CONNECTED\nversion:${version}\nsession:a-1-1\nserver:lockstep/test\nheart-beat:0,0\nfailover:failover:(tcp://h:1)`,
    ]);
    t.equal(bench.session.version, version);
    t.equal(bench.opened, 1);
  }
});

t.test('CONNECT without accept-version is of 1.0, and STOMP is CONNECT', async () => {
  t.match(new SessionBench().client('CONNECT').written()[0], /^CONNECTED\nversion:1\.0\n/);
  t.match(new SessionBench().client('STOMP', { 'accept-version': '1.2' }).written()[0], /^CONNECTED\nversion:1\.2\n/);
});

t.test('no common version: ERROR with the versions, and the broker never hears of it', async () => {
  const bench = new SessionBench().client('CONNECT', { 'accept-version': '2.1,3.0', receipt: 'r' });
  const frames = bench.written();
  t.equal(errorOf(frames), 'CONNECT: no common version: the client accepts 2.1,3.0');
  t.match(frames[0], /\nversion:1\.0,1\.1,1\.2\n/);
  t.match(frames[0], /\nreceipt-id:r\n/);
  t.ok(bench.session.isOver);
  t.equal(bench.opened, 0);
  t.same(bench.asked(), []);
});

t.test('a failover URI above 1,000 bytes is left out', async () => {
  const uri = (length: number): string => `failover:(${'x'.repeat(length - 11)})`;
  t.match(new SessionBench({}, uri(1000)).client('CONNECT').written()[0], /failover:/);
  t.notMatch(new SessionBench({}, uri(1001)).client('CONNECT').written()[0], /failover:/);
});

t.test('heart-beats mirror the wish, at least 100 ms; none in 1.0', async () => {
  const connect = (wish: string, version: string): string | undefined => {
    const bench = new SessionBench().client('CONNECT', { 'accept-version': version, 'heart-beat': wish });
    return /heart-beat:(.*)/.exec(bench.written()[0]!)?.[1];
  };
  t.equal(connect('10000,4000', '1.2'), '4000,10000');
  t.equal(connect('1,99', '1.1'), '100,100');
  t.equal(connect('0,0', '1.2'), '0,0');
  t.equal(connect('0,700', '1.2'), '700,0');
  t.equal(connect('500, 0', '1.2'), '0,500');
  t.equal(connect('500,500', '1.0'), '0,0');
});

t.test('a malformed heart-beat is an ERROR', async () => {
  for (const wish of ['-1,0', '1', '1,2,3', 'a,b', '1.5,0', `${'9'.repeat(16)},0`]) {
    const bench = new SessionBench().client('CONNECT', { 'accept-version': '1.2', 'heart-beat': wish });
    t.equal(errorOf(bench.written()), `CONNECT: bad heart-beat: ${wish}`);
    t.ok(bench.session.isOver);
  }
});

t.test('any frame before CONNECT is an ERROR, and so is a second CONNECT', async () => {
  const early = new SessionBench().client('SEND', { destination: '/queue/a' });
  t.equal(errorOf(early.written()), 'SEND: not connected');
  t.same(early.asked(), []);
  const twice = SessionBench.connected('1.2').client('STOMP', { 'accept-version': '1.2' });
  t.equal(errorOf(twice.written()), 'STOMP: already connected');
  t.same(twice.asked(), ['endSession clean']);
});

t.test("the broker's own frames are not for clients", async () => {
  for (const command of ['CONNECTED', 'MESSAGE', 'RECEIPT', 'ERROR'] as const) {
    const bench = SessionBench.connected('1.2').client(command, { destination: '/queue/a' });
    t.equal(errorOf(bench.written()), `${command}: only the broker sends such a frame`);
  }
});
