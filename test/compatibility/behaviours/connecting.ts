import type { Behaviour, Scene, Section } from '../scene.ts';
import type { Headers, Version } from '../talk.ts';

/** What CONNECT with these headers, and without those named, comes to. */
async function connecting(
  scene: Scene,
  version: Version,
  change: Headers,
  without: readonly string[] = [],
): Promise<string> {
  const talk = await scene.unconnected(version);
  const { host, login, passcode } = scene.server;
  const headers = Object.entries({ 'accept-version': version, host, login, passcode, ...change });
  talk.say('CONNECT', Object.fromEntries(headers.filter(([name]) => !without.includes(name))));
  const answer = await talk.fate();
  const connected = talk.raw.frames.find(({ command }) => command === 'CONNECTED');
  if (connected === undefined) return answer;
  return `CONNECTED, version ${connected.headers['version'] ?? 'unsaid'}`;
}

const versions: readonly Behaviour[] = [
  {
    id: 'connect-without-version',
    says: 'CONNECT without `accept-version`',
    observe: async (scene) => connecting(scene, '1.2', {}, ['accept-version']),
    note: 'Without `accept-version` a client speaks 1.0 (STOMP 1.2, Protocol Negotiation).',
  },
  {
    id: 'connect-all-versions',
    says: 'CONNECT with `accept-version:1.0,1.1,1.2`',
    observe: async (scene) => connecting(scene, '1.2', { 'accept-version': '1.0,1.1,1.2' }),
  },
  {
    id: 'connect-1.1',
    says: 'CONNECT with `accept-version:1.1`',
    observe: async (scene) => connecting(scene, '1.1', {}),
  },
  {
    id: 'connect-unknown-version',
    says: 'CONNECT with `accept-version:9.9`',
    observe: async (scene) => connecting(scene, '1.2', { 'accept-version': '9.9' }),
    note: 'STOMP 1.2, Protocol Negotiation: ERROR, then the connection is closed.',
  },
  {
    id: 'connect-some-unknown-version',
    says: 'CONNECT with `accept-version:1.1,9.9`',
    observe: async (scene) => connecting(scene, '1.1', { 'accept-version': '1.1,9.9' }),
  },
];

export const connectingSection: Section = {
  title: 'Connecting',
  behaviours: [
    ...versions,
    {
      id: 'stomp-command',
      says: 'STOMP instead of CONNECT',
      observe: async (scene) => {
        const talk = await scene.unconnected();
        const { host, login, passcode } = scene.server;
        talk.say('STOMP', { 'accept-version': '1.2', host, login, passcode });
        return (await talk.connected()).command;
      },
    },
    {
      id: 'connect-without-host',
      says: 'CONNECT 1.2 without `host`',
      observe: async (scene) => connecting(scene, '1.2', {}, ['host']),
      note: '1.2 demands the header, and nobody insists on it.',
    },
    {
      id: 'connect-other-host',
      says: 'CONNECT with `host:elsewhere.example`',
      observe: async (scene) => connecting(scene, '1.2', { host: 'elsewhere.example' }),
      note: 'RabbitMQ reads a virtual host there. A vhost becomes a logical broker of Lockstep, which checks names only against `hosts` of its configuration.',
    },
    {
      id: 'connect-line-ends',
      says: 'CONNECT 1.2 with CR LF line ends, after blank lines',
      observe: async (scene) => {
        const talk = await scene.unconnected();
        const { host, login, passcode } = scene.server;
        const lines = [
          'CONNECT',
          'accept-version:1.2',
          `host:${host}`,
          `login:${login}`,
          `passcode:${passcode}`,
          '',
          '',
        ];
        talk.raw.say(`\n\r\n${lines.join('\r\n')}\0`);
        return (await talk.connected()).command;
      },
    },
    {
      id: 'connected-headers',
      says: 'The headers of CONNECTED 1.2, when heart-beats are asked for',
      observe: async (scene) => {
        const talk = await scene.unconnected();
        talk.connect({ 'heart-beat': '10000,10000' });
        return Object.keys((await talk.connected()).headers)
          .toSorted()
          .join(', ');
      },
      note: "`failover` names the broker's nodes, for clients that know what to do with it.",
    },
    {
      id: 'session-letters',
      says: 'Is `session` of CONNECTED free of `:` and `\\`?',
      observe: async (scene) => {
        const talk = await scene.unconnected();
        talk.connect();
        return /^[^:\\]+$/.test((await talk.connected()).headers['session'] ?? ':') ? 'yes' : 'no';
      },
      note: 'Net::Stomp builds the ids of its receipts from it, and does not escape them.',
    },
    {
      id: 'frame-end',
      says: 'Is there a line end behind the NUL of CONNECTED?',
      observe: async (scene) => {
        const talk = await scene.unconnected();
        const chunks: Buffer[] = [];
        talk.raw.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
        talk.connect();
        await talk.connected();
        await talk.endedWithin(100);
        return /\0\r?\n/.test(Buffer.concat(chunks).toString('latin1')) ? 'yes' : 'no';
      },
      note: "PHP's extension waits for it.",
    },
    {
      id: 'connect-wrong-passcode',
      says: 'CONNECT with a passcode that is not the user’s',
      observe: async (scene) => connecting(scene, '1.2', { passcode: 'wrong' }),
      note: 'RabbitMQ leaves the connection open, and answers nothing any more.',
    },
    {
      id: 'connect-client-id-twice',
      says: 'CONNECT with the `client-id` of another open connection',
      observe: async (scene) => {
        await scene.client('1.2', { 'client-id': scene.tag });
        return connecting(scene, '1.2', { 'client-id': scene.tag });
      },
      note: 'RabbitMQ has no `client-id`. To Lockstep it names the owner of durable subscriptions.',
    },
    {
      id: 'disconnect-without-receipt',
      says: 'DISCONNECT without `receipt`: does the server close?',
      observe: async (scene) => {
        const talk = await scene.client();
        talk.say('DISCONNECT');
        return (await talk.endedWithin(scene.server.patienceMs)) ? 'closed' : 'open';
      },
    },
    {
      id: 'half-closed',
      says: 'A client that ends its side at once behind a SEND with `receipt`: is the message taken, and the receipt sent?',
      observe: async (scene) => {
        const talk = await scene.client();
        talk.say('SEND', { destination: scene.queue(), receipt: 'r' }, '1');
        talk.raw.socket.end();
        await talk.endedWithin(scene.server.patienceMs);
        const receipt = talk.raw.count('RECEIPT') === 1 ? 'receipt' : 'no receipt';
        const other = await scene.client();
        await other.subscribe(scene.queue());
        return `${(await other.messages(1)).length === 1 ? 'taken' : 'lost'}, ${receipt}`;
      },
      note: 'Lockstep processes what came before the end, and answers who still listens.',
    },
    {
      id: 'connect-twice',
      says: 'A second CONNECT on a connection',
      observe: async (scene) => {
        const talk = await scene.client();
        talk.connect();
        return talk.fate();
      },
      note: 'There is one CONNECT to a connection: a second one is an error of the client.',
    },
    {
      id: 'frame-before-connect',
      says: 'SEND before CONNECT',
      observe: async (scene) => {
        const talk = await scene.unconnected();
        talk.say('SEND', { destination: scene.queue() }, 'early');
        return talk.fate();
      },
      note: 'After an ERROR Lockstep closes the connection, as STOMP demands.',
    },
  ],
};

async function negotiated(scene: Scene, offer: string | null): Promise<string> {
  const talk = await scene.unconnected();
  talk.connect(offer === null ? {} : { 'heart-beat': offer });
  return (await talk.connected()).headers['heart-beat'] ?? 'no header';
}

async function refusedOffer(scene: Scene, offer: string): Promise<string> {
  return connecting(scene, '1.2', { 'heart-beat': offer });
}

export const heartBeatSection: Section = {
  title: 'Heart-beats',
  behaviours: [
    {
      id: 'heart-beat-both',
      says: "`heart-beat` of CONNECTED, when the client's is `4000,7000`",
      observe: async (scene) => negotiated(scene, '4000,7000'),
    },
    {
      id: 'heart-beat-only-server',
      says: "`heart-beat` of CONNECTED, when the client's is `0,7000`",
      observe: async (scene) => negotiated(scene, '0,7000'),
    },
    {
      id: 'heart-beat-tiny',
      says: "`heart-beat` of CONNECTED, when the client's is `1,1`",
      observe: async (scene) => negotiated(scene, '1,1'),
      note: 'Lockstep promises no shorter interval than 100 ms, in either direction.',
    },
    {
      id: 'heart-beat-none',
      says: '`heart-beat` of CONNECTED 1.2, when the client sends none',
      observe: async (scene) => negotiated(scene, null),
    },
    {
      id: 'heart-beat-1.0',
      says: '`heart-beat` of CONNECTED 1.0, when the client asks for them',
      observe: async (scene) => {
        const talk = await scene.unconnected('1.0');
        talk.connect({ 'heart-beat': '4000,7000' });
        return (await talk.connected()).headers['heart-beat'] ?? 'no header';
      },
      note: '1.0 has no heart-beats.',
    },
    {
      id: 'heart-beat-from-server',
      says: 'Does the server send line ends, when the client wants one every 500 ms?',
      observe: async (scene) => {
        const talk = await scene.client('1.2', { 'heart-beat': '0,500' });
        await talk.endedWithin(2_600);
        return talk.raw.beats >= 2 ? 'yes' : `${talk.raw.beats} in 2.6 s`;
      },
    },
    {
      id: 'heart-beat-broken',
      says: 'A client that promises something every 500 ms is silent for 4 s',
      observe: async (scene) => {
        const talk = await scene.client('1.2', { 'heart-beat': '500,0' });
        const ended = await talk.endedWithin(4_000);
        const error = talk.raw.count('ERROR') > 0 ? 'ERROR, ' : '';
        return `${error}${ended ? 'closed' : 'open'}`;
      },
    },
    {
      id: 'heart-beat-kept',
      says: 'A client that promises something every 500 ms sends line ends for 2.5 s, no frame',
      observe: async (scene) => {
        const talk = await scene.client('1.2', { 'heart-beat': '500,0' });
        for (let i = 0; i < 10; i++) {
          talk.raw.say('\n');
          if (await talk.endedWithin(250)) return 'closed';
        }
        return 'open';
      },
    },
    {
      id: 'heart-beat-negative',
      says: 'CONNECT with `heart-beat:-1,0`',
      observe: async (scene) => refusedOffer(scene, '-1,0'),
      note: 'Both numbers are of milliseconds; what is no such number is refused.',
    },
    {
      id: 'heart-beat-words',
      says: 'CONNECT with `heart-beat:often`',
      observe: async (scene) => refusedOffer(scene, 'often'),
      note: 'As above.',
    },
  ],
};
