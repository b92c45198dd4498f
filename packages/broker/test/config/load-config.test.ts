import t from 'tap';

import type { Address } from '@lockstep/kernel';
import type { ListenerSettings } from '../../src/config/load-config.ts';
import { load } from './load.ts';

/** As it is where nothing more is said. */
function plain(kind: ListenerSettings['kind'], listen: Address, advertise: Address | null = null): ListenerSettings {
  const others = { anonymous: false, proxyProtocol: false, clientCertificates: 'none', origins: null } as const;
  return { kind, listen, advertise, ...others };
}

t.test('nothing said: a logical broker of one on loopback, with the admin port', (t) => {
  const settings = load({});
  t.equal(settings.broker, 'lockstep');
  t.equal(settings.node, 'a');
  t.equal(settings.data, '/srv/./data');
  t.same(settings.listeners, [
    plain('stomp', { host: '127.0.0.1', port: 61613 }),
    plain('ws', { host: '127.0.0.1', port: 61614 }),
  ]);
  t.same(settings.security, { users: [], permissions: null, hosts: null });
  t.equal(settings.tls, null);
  t.strictSame(settings.admin, { host: '127.0.0.1', port: 8161 });
  t.equal(settings.cluster.listen, null);
  t.equal(settings.cluster.members.length, 1);
  t.equal(settings.journal.segmentBytes, 64 * 1024 ** 2);
  t.equal(settings.journal.snapshotBytes, 64 * 1024 ** 2, 'one segment');
  t.same([settings.journal.softLimitBytes, settings.journal.hardLimitBytes], [null, null], 'shares of the disk');
  t.equal(settings.limits.indexBytes, 4 * 1024 ** 3, 'half of the memory');
  t.equal(settings.limits.halfSentBytes, 1024 ** 3, 'an eighth of the memory');
  t.equal(load({ memoryBytes: 1024 ** 3 }).limits.halfSentBytes, 128 * 1024 ** 2);
  t.equal(load({ memoryBytes: 64 * 1024 ** 3 }).limits.halfSentBytes, 1024 ** 3, 'at most');
  t.equal(load({ yaml: 'limits: { halfSentBytes: 2GiB }' }).limits.halfSentBytes, 2 * 1024 ** 3);
  t.equal(settings.limits.connectMs, 10_000);
  t.end();
});

t.test('any listener named: only those open', (t) => {
  const byFlag = load({ flags: { stomp: '0' } });
  t.same(byFlag.listeners, [plain('stomp', { host: '127.0.0.1', port: 0 })]);
  t.same(load({ flags: { ws: '7' } }).listeners, [plain('ws', { host: '127.0.0.1', port: 7 })]);
  t.equal(byFlag.admin, null);
  const byFile = load({ yaml: 'listeners: [{ stomp: 7000, advertise: "broker.example:61613" }]' });
  const advertised = { host: 'broker.example', port: 61613 };
  t.same(byFile.listeners, [plain('stomp', { host: '127.0.0.1', port: 7000 }, advertised)]);
  t.equal(byFile.admin, null);
  t.strictSame(load({ flags: { stomp: '0', admin: '0' } }).admin, { host: '127.0.0.1', port: 0 });
  t.end();
});

t.test('flags win over the environment, the environment over the file', (t) => {
  const yaml = 'node: file\nbroker: file\ndata: file\nlisteners: [{ stomp: 1 }]\nlog: { level: error }';
  const environment = {
    LOCKSTEP_NODE: 'env',
    LOCKSTEP_BROKER: 'env',
    LOCKSTEP_STOMP: '2,3',
    LOCKSTEP_LOG_LEVEL: 'warn',
  };
  const settings = load({ yaml, environment, flags: { node: 'flag', stomp: '[::1]:4' } });
  t.equal(settings.node, 'flag');
  t.equal(settings.broker, 'env');
  t.equal(settings.data, '/etc/lockstep/file');
  t.same(settings.listeners, [plain('stomp', { host: '::1', port: 4 })]);
  t.equal(settings.log.level, 'warn');
  t.strictSame(
    load({ yaml, environment }).listeners.map(({ listen }) => listen.port),
    [2, 3],
  );
  t.end();
});

t.test('a path starts where it was said', (t) => {
  const yaml = 'data: d\ncluster: { secretFile: s }';
  t.equal(load({ yaml }).data, '/etc/lockstep/d');
  t.equal(load({ yaml }).secretFile, '/etc/lockstep/s');
  t.equal(load({ yaml, flags: { data: 'd' } }).data, '/srv/d');
  t.equal(load({ yaml, environment: { LOCKSTEP_SECRET_FILE: 's' } }).secretFile, '/srv/s');
  const tls = load({ yaml: 'cluster: { tls: { cert: c.pem, key: /k.pem, ca: d/a.pem } }' }).clusterTls;
  t.same(tls, { cert: '/etc/lockstep/c.pem', key: '/k.pem', ca: '/etc/lockstep/d/a.pem' });
  t.equal(load({ yaml }).clusterTls, null);
  t.equal(load({ yaml: 'data: /var/lib/lockstep' }).data, '/var/lib/lockstep');
  t.end();
});

t.test('members by flag; this node listens at its own address unless told otherwise', (t) => {
  const members = 'a=127.0.0.1:7001, b=127.0.0.1:7002,c=127.0.0.1:7003';
  const settings = load({ flags: { node: 'b', members } });
  t.strictSame(settings.cluster.members, [
    { id: 'a', address: { host: '127.0.0.1', port: 7001 } },
    { id: 'b', address: { host: '127.0.0.1', port: 7002 } },
    { id: 'c', address: { host: '127.0.0.1', port: 7003 } },
  ]);
  t.strictSame(settings.cluster.listen, { host: '127.0.0.1', port: 7002 });
  const elsewhere = load({ flags: { node: 'b', members, 'peer-listen': '127.0.0.1:9' } });
  t.strictSame(elsewhere.cluster.listen, { host: '127.0.0.1', port: 9 });
  t.end();
});

t.test('sizes and times as people write them', (t) => {
  const yaml =
    'journal: { segmentBytes: 1.5 MiB, snapshotBytes: 100000, hardLimitBytes: 2GB }\ncluster: { electionMs: 1s, heartbeatMs: 50 }';
  const { journal, cluster } = load({ yaml });
  t.equal(journal.segmentBytes, 1.5 * 1024 ** 2);
  t.equal(journal.snapshotBytes, 100_000);
  t.equal(journal.hardLimitBytes, 2_000_000_000);
  t.equal(cluster.electionMs, 1000);
  t.equal(cluster.heartbeatMs, 50);
  t.end();
});

t.test('the admin port as an address or as a map', (t) => {
  t.strictSame(load({ yaml: 'admin: 9000' }).admin, { host: '127.0.0.1', port: 9000 });
  t.strictSame(load({ yaml: 'admin: { listen: "*:9000", anonymous: true }' }).admin, { host: '0.0.0.0', port: 9000 });
  t.end();
});

t.test('users, permissions, hosts, certificates, and what listeners do besides', (t) => {
  const yaml = `
tls: { cert: c.pem, key: k.pem, ca: a.pem }
listeners:
  - wss: 7
    clientCertificates: required
    proxyProtocol: true
    origins: [HTTPS://App.example, '*']
users:
  - { name: ann, groups: [ops] }
permissions:
  - { match: /queue/a.>, read: [ops] }
  - { match: '>', write: ['*'], create: [] }
hosts: [broker.example]
`;
  const { tls, listeners, security } = load({ yaml });
  t.same(tls, { cert: '/etc/lockstep/c.pem', key: '/etc/lockstep/k.pem', ca: '/etc/lockstep/a.pem' });
  t.match(listeners, [
    { kind: 'wss', clientCertificates: 'required', proxyProtocol: true, origins: ['https://app.example', '*'] },
  ]);
  t.same(security, {
    users: [{ name: 'ann', groups: ['ops'], password: null }],
    permissions: [
      { match: '/queue/a.>', read: ['ops'], write: [], create: null },
      { match: '>', read: [], write: ['*'], create: [] },
    ],
    hosts: ['broker.example'],
  });
  t.end();
});
