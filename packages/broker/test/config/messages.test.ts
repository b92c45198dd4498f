import t from 'tap';

import type { Said } from './load.ts';
import { complaints } from './load.ts';

const OPEN =
  'is beyond loopback, and without users anybody could log in: bind it to 127.0.0.1, name users, or allow that with `anonymous: true` (or --anonymous)';
const OPEN_ADMIN =
  'is beyond loopback, and the admin port knows no users in this version: bind it to 127.0.0.1, or allow that with `anonymous: true` (or --anonymous)';
const HASH = 'scrypt$ln=14,r=8,p=1$3ys8Fre/8xaEoz3gKx8Bhw$mjg26Cbyo5toGg07tVhb9Iq3oDsPzIiIUrtemOoHflM';
const ADDRESS = 'must be [HOST:]PORT, as 61613, 127.0.0.1:61613 or [::1]:61613; port 0 takes a free one';
const PEER = 'must be HOST:PORT, as 127.0.0.1:61619; the port from 1 to 65535';
const ID = "must be 1 to 64 of the characters A-Z a-z 0-9 '.' '_' '-'";

interface Case {
  readonly name: string;
  readonly said: Said;
  readonly told: readonly string[];
}

const cases: readonly Case[] = [
  { name: 'an id', said: { yaml: 'broker: paris lyon' }, told: [`l.yaml:1:1: broker: 'paris lyon': ${ID}`] },
  {
    name: 'a key that is nearly right',
    said: { yaml: 'node: a\njournal:\n  fsnyc: always' },
    told: ["l.yaml:3:3: journal.fsnyc: there is no such key; did you mean 'fsync'?"],
  },
  {
    name: 'a key that is nothing like any other',
    said: { yaml: 'log: { colour: red }' },
    told: ['l.yaml:1:8: log.colour: there is no such key; known here: level, pretty'],
  },
  {
    name: 'keys of later versions',
    said: { yaml: 'links: []' },
    told: ['l.yaml:1:1: links: is not available in this version'],
  },
  {
    name: 'WebSocket by flag',
    said: { flags: { ws: 'x' } },
    told: [`--ws: listeners.0.ws: 'x': ${ADDRESS}`],
  },
  {
    name: 'a listener of two kinds',
    said: { yaml: 'listeners: [{ stomp: 1, ws: 2 }]' },
    told: ['l.yaml:1:25: listeners.0.ws: 127.0.0.1:2: must be a listener of its own: this one has stomp already'],
  },
  {
    name: 'TLS without a certificate',
    said: { yaml: 'listeners: [{ stomps: 1 }, { wss: 2 }]' },
    told: [
      'l.yaml:1:15: listeners.0.stomps: 127.0.0.1:1: needs a certificate: see tls',
      'l.yaml:1:30: listeners.1.wss: 127.0.0.1:2: needs a certificate: see tls',
    ],
  },
  {
    name: 'certificates of clients where there is no TLS, or nobody to sign them',
    said: {
      yaml: 'tls: { cert: c, key: k }\nlisteners:\n  - { ws: 1, clientCertificates: optional }\n  - { wss: 2, clientCertificates: required }',
    },
    told: [
      'l.yaml:3:14: listeners.0.clientCertificates: optional: must be none: ws has no TLS',
      'l.yaml:4:15: listeners.1.clientCertificates: required: needs tls.ca, which says who signs them',
    ],
  },
  {
    name: 'origins',
    said: { yaml: 'listeners: [{ stomp: 1, origins: ["http://a"] }]' },
    told: ['l.yaml:1:25: listeners.0.origins: ["http://a"]: must not be given: stomp is no WebSocket'],
  },
  {
    name: 'an origin that is none',
    said: { yaml: 'listeners: [{ ws: 1, origins: ["http://a/b"] }]' },
    told: [
      "l.yaml:1:32: listeners.0.origins.0: 'http://a/b': must be an origin as browsers write it, as https://app.example or http://localhost:8080; or * for all",
    ],
  },
  {
    name: 'a password that is no hash',
    said: { yaml: `users:\n  - { name: ann, password: secret }` },
    told: ["l.yaml:2:18: users.0.password: 'secret': must be a hash as `lockstep passwd USER` prints it: scrypt$…"],
  },
  {
    name: 'a user twice',
    said: { yaml: `users:\n  - { name: ann, password: "${HASH}" }\n  - { name: ann }` },
    told: ["l.yaml:3:7: users.1.name: 'ann': is the name of another user, too"],
  },
  {
    name: 'permissions without users',
    said: { yaml: 'permissions: [{ match: ">" }]' },
    told: ['l.yaml:1:1: permissions: needs users: without them any login is taken, and may do everything'],
  },
  {
    name: 'a pattern that is none, and who may what by another name',
    said: { yaml: 'users: [{ name: a }]\npermissions: [{ match: "orders.>", red: [a] }]' },
    told: [
      "l.yaml:2:17: permissions.0.match: 'orders.>': must be '>' for all destinations, or a pattern as /queue/orders.> or /topic/*.prices; * is one level, > the rest",
      "l.yaml:2:36: permissions.0.red: there is no such key; did you mean 'read'?",
    ],
  },
  {
    name: 'a listener beyond loopback is fine where there are users',
    said: { yaml: 'users: [{ name: a }]\nlisteners: [{ stomp: "*:1" }, { ws: "*:2" }]' },
    told: [],
  },
  {
    name: 'how far back duplicates are looked for',
    said: { yaml: 'duplicates: { ids: some, age: 0 }' },
    told: [
      "l.yaml:1:15: duplicates.ids: 'some': must be a whole number; 0 for none: every message counts as new",
      'l.yaml:1:26: duplicates.age: 0: must be a time of at least 1s, as 500ms, 1s or a number of milliseconds',
    ],
  },
  {
    name: 'policies of destinations',
    said: {
      yaml: 'destinations:\n  - { match: "orders", maxDeliveries: -1 }\n  - { match: ">", deadLetter: own, deadLetterQueue: /topic/t, maxDelivery: 1 }',
    },
    told: [
      "l.yaml:2:7: destinations.0.match: 'orders': must be '>' for all destinations, or a pattern as /queue/orders.> or /topic/*.prices; * is one level, > the rest",
      'l.yaml:2:24: destinations.0.maxDeliveries: -1: must be a whole number; 0 for no limit',
      "l.yaml:3:19: destinations.1.deadLetter: 'own': must be one of shared, individual, none",
      "l.yaml:3:36: destinations.1.deadLetterQueue: '/topic/t': must be a queue, as /queue/NAME; a bare NAME is /queue/NAME",
      'l.yaml:3:63: destinations.1.maxDelivery: there is no such key; known here: match, maxDeliveries, deadLetter, deadLetterQueue',
    ],
  },
  {
    name: 'one of several words',
    said: { yaml: 'journal: { fsync: sometimes }' },
    told: ["l.yaml:1:12: journal.fsync: 'sometimes': must be one of always, interval, never"],
  },
  {
    name: 'a unit that is none, and too little',
    said: { yaml: 'journal:\n  segmentBytes: 64MBi\n  snapshotBytes: 1KiB' },
    told: [
      "l.yaml:2:3: journal.segmentBytes: '64MBi': must be a size of at least 64KiB, as 64MiB or a number of bytes",
      "l.yaml:3:3: journal.snapshotBytes: '1KiB': must be a size of at least 64KiB, as 64MiB or a number of bytes",
    ],
  },
  {
    name: 'a time',
    said: { yaml: 'limits: { connectMs: 1 week }' },
    told: [
      "l.yaml:1:11: limits.connectMs: '1 week': must be a time of at least 100ms, as 500ms, 1s or a number of milliseconds",
    ],
  },
  {
    name: 'a count',
    said: { yaml: 'limits: { headers: 0 }' },
    told: ['l.yaml:1:11: limits.headers: 0: must be a whole number of at least 1'],
  },
  {
    name: 'less for all clients than one frame may need',
    said: { yaml: 'limits: { bodyBytes: 1MiB, headerBytes: 1KiB, halfSentBytes: 1MiB }' },
    told: [
      'l.yaml:1:47: limits.halfSentBytes: 1048576: must be at least limits.bodyBytes and limits.headerBytes together, which is 1049600',
    ],
  },
  {
    name: 'limits of the disk that the files in use would pass by themselves, or the wrong way round',
    said: { yaml: 'journal: { segmentBytes: 1MiB, softLimitBytes: 5MiB, hardLimitBytes: 4MiB }' },
    told: [
      'l.yaml:1:54: journal.hardLimitBytes: 4194304: must be at least 8 times journal.segmentBytes, which makes 8388608',
      'l.yaml:1:32: journal.softLimitBytes: 5242880: must be at most journal.hardLimitBytes, which is 4194304',
    ],
  },
  { name: 'a port', said: { flags: { stomp: '70000' } }, told: [`--stomp: listeners.0.stomp: '70000': ${ADDRESS}`] },
  {
    name: 'a section that is none',
    said: { yaml: 'log: loud' },
    told: ["l.yaml:1:1: log: 'loud': must be a map with the keys level, pretty"],
  },
  {
    name: 'a listener without an address',
    said: { yaml: 'listeners:\n  - advertise: a:1' },
    told: ['l.yaml:2:5: listeners.0: a listener must name its address with one of the keys stomp, stomps, ws, wss'],
  },
  {
    name: 'no listener',
    said: { yaml: 'listeners: []' },
    told: ['l.yaml:1:1: listeners: []: must have at least one listener'],
  },
  { name: 'a member', said: { flags: { members: 'a=1' } }, told: [`--members: cluster.members.a: '1': ${PEER}`] },
  {
    name: 'members of another form',
    said: { environment: { LOCKSTEP_MEMBERS: 'a:1' } },
    told: [
      "LOCKSTEP_MEMBERS: 'a:1': must be ID=HOST:PORT for each member, as a=127.0.0.1:61619,b=127.0.0.1:61629,c=127.0.0.1:61639",
    ],
  },
  {
    name: 'a member twice',
    said: { flags: { members: 'a=h:1,a=h:2' } },
    told: ["--members: 'a=h:1,a=h:2': must name each member once, and 'a' is there twice"],
  },
  {
    name: 'this node is no member',
    said: { yaml: 'node: d\ncluster: { members: { a: "127.0.0.1:1", b: "127.0.0.1:2" } }' },
    told: ["l.yaml:1:1: node: 'd': must be one of cluster.members, which are: a, b"],
  },
  {
    name: 'two members at one address',
    said: { yaml: 'cluster:\n  members:\n    a: 127.0.0.1:1\n    b: 127.0.0.1:1' },
    told: ["l.yaml:4:5: cluster.members.b: 127.0.0.1:1: is the address of member 'a' already; each has its own"],
  },
  {
    name: 'a listener for peers that nobody may use',
    said: { flags: { 'peer-listen': '127.0.0.1:1' } },
    told: [
      '--peer-listen: cluster.listen: 127.0.0.1:1: needs cluster.members (--members), which names the nodes that may connect there',
    ],
  },
  {
    name: 'listeners beyond loopback',
    said: {
      yaml: 'listeners:\n  - stomp: 0.0.0.0:61613\n  - stomp: 192.168.0.1:1\n    anonymous: true',
      flags: { admin: '*:8161' },
    },
    told: [`l.yaml:2:5: listeners.0.stomp: 0.0.0.0:61613: ${OPEN}`, `--admin: admin: 0.0.0.0:8161: ${OPEN_ADMIN}`],
  },
  { name: 'the same, allowed by the flag', said: { flags: { stomp: '*:1', admin: '*:2' }, anonymous: true }, told: [] },
  { name: 'all of 127.0.0.0/8 is loopback', said: { flags: { stomp: '127.1.2.3:1,localhost:2,[::1]:3' } }, told: [] },
  {
    name: 'a name that only looks like loopback',
    said: { flags: { stomp: '127.0.0.1.example:1' } },
    told: [`--stomp: listeners.0.stomp: 127.0.0.1.example:1: ${OPEN}`],
  },
  {
    name: 'peers beyond loopback without a secret',
    said: { flags: { members: 'a=127.0.0.1:1,b=10.0.0.2:1' } },
    told: [
      '--members: cluster.members.b: 10.0.0.2:1: is beyond loopback, where anybody could pose as a member: name a file with a shared secret in cluster.secretFile (--secret-file), or certificates in cluster.tls',
    ],
  },
  {
    name: 'the same with one',
    said: { flags: { members: 'a=10.0.0.1:1,b=10.0.0.2:1', 'secret-file': 's' } },
    told: [],
  },
  {
    name: 'the same with certificates',
    said: {
      yaml: 'cluster: { members: { a: "10.0.0.1:1", b: "10.0.0.2:1" }, tls: { cert: c, key: k, ca: a } }',
    },
    told: [],
  },
  {
    name: 'certificates without the authority',
    said: { yaml: 'cluster: { tls: { cert: c, key: k } }' },
    told: [
      'l.yaml:1:12: cluster.tls.ca: is missing; it must be a path; one that is not absolute starts from the directory of this file',
    ],
  },
  {
    name: 'heart-beats too rare for the election time',
    said: { yaml: 'cluster: { electionMs: 200ms }' },
    told: ['l.yaml:1:1: cluster.heartbeatMs: 100ms: must be at most a third of cluster.electionMs, which is 200ms'],
  },
  {
    name: 'a key twice',
    said: { yaml: 'node: a\nnode: b' },
    told: ['l.yaml:2:1: not valid YAML: Map keys must be unique'],
  },
  { name: 'no map', said: { yaml: '- a' }, told: ['l.yaml:1:1: must be a map of keys, as `node: a`'] },
  { name: 'an empty file', said: { yaml: '' }, told: [] },
  { name: 'an empty section', said: { yaml: 'log: {}\nlimits: {}' }, told: [] },
];

for (const { name, said, told } of cases) {
  t.test(name, (t) => {
    t.strictSame(complaints(said), told);
    t.end();
  });
}
