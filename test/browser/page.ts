/** What runs in the page: the libraries are globals there, as is WebSocket. Whatever is not as it should be is thrown. */
import type { Client as StompClient, IMessage, StompHeaders } from '@stomp/stompjs';

declare const StompJs: { readonly Client: typeof StompClient };
declare const RxStomp: {
  readonly RxStomp: new () => {
    configure(settings: object): void;
    activate(): void;
    publish(message: object): void;
    watch(where: { readonly destination: string; readonly subHeaders: StompHeaders }): Watched;
    readonly stompClient: StompClient;
    readonly connected$: { subscribe(listener: () => void): void };
  };
};

interface Watched {
  subscribe(listener: (message: IMessage) => void): unknown;
}

interface PageSocket {
  readonly protocol: string;
  binaryType: string;
  onopen: (() => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  addEventListener(event: 'close', listener: () => void): void;
}

declare const WebSocket: new (url: string, protocols?: readonly string[]) => PageSocket;

/** A library, with all its connections of the one page. */
interface Library {
  readonly client: StompClient;
  publish(message: { destination: string; headers: StompHeaders; body?: string; binaryBody?: Uint8Array }): void;
  subscribe(destination: string, headers: StompHeaders, listener: (message: IMessage) => void): void;
  /** Resolves when it is connected, which it may be already. */
  connected(): Promise<void>;
  /** Rejects when a connection is lost. */
  readonly lost: Promise<never>;
}

const SUBPROTOCOLS = ['v12.stomp', 'v11.stomp', 'v10.stomp'];
const BEAT_MS = 1000;
const opened = new Map<string, Library>();
let receipts = 0;

function settingsFor(urls: readonly string[], closed: () => void): object {
  let next = 0;
  return {
    webSocketFactory: () => {
      const socket = new WebSocket(urls[next++ % urls.length]!, SUBPROTOCOLS);
      socket.addEventListener('close', closed);
      return socket;
    },
    connectHeaders: { host: 'test' },
    heartbeatIncoming: BEAT_MS,
    heartbeatOutgoing: BEAT_MS,
    reconnectDelay: 100,
  };
}

function open(name: string, urls: readonly string[]): Library {
  let come: () => void = () => {};
  let connected = new Promise<void>((resolve) => (come = resolve));
  let lose: (error: Error) => void = () => {};
  const lost = new Promise<never>((_, reject) => (lose = reject));
  lost.catch(() => {});
  const settings = settingsFor(urls, () => {
    lose(new Error('the connection was lost'));
    connected = new Promise<void>((resolve) => (come = resolve));
  });
  if (name === 'stompjs') {
    const client = new StompJs.Client({ ...settings, onConnect: () => come() });
    client.activate();
    return {
      client,
      publish: (message) => client.publish(message),
      subscribe: (destination, headers, listener) => void client.subscribe(destination, listener, headers),
      connected: () => connected,
      lost,
    };
  }
  const rx = new RxStomp.RxStomp();
  rx.configure(settings);
  rx.connected$.subscribe(() => come());
  rx.activate();
  return {
    client: rx.stompClient,
    publish: (message) => rx.publish(message),
    subscribe: (destination, subHeaders, listener) => void rx.watch({ destination, subHeaders }).subscribe(listener),
    connected: () => connected,
    lost,
  };
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
}

async function receipted(client: StompClient, say: (headers: StompHeaders) => void): Promise<void> {
  const receipt = `page-${++receipts}`;
  const come = new Promise<void>((resolve) => client.watchForReceipt(receipt, () => resolve()));
  say({ receipt });
  await come;
}

/** The messages of a subscription, one after the other. */
function messages(library: Library, destination: string, ack: string): () => Promise<IMessage> {
  const come: IMessage[] = [];
  const waiting: ((message: IMessage) => void)[] = [];
  library.subscribe(destination, { ack }, (message) => {
    const waiter = waiting.shift();
    if (waiter === undefined) come.push(message);
    else waiter(message);
  });
  return async () => come.shift() ?? new Promise((resolve) => waiting.push(resolve));
}

/** A library gets through the protocol, over the first of the URLs; its connection stays, and may go to the others. Returns the steps. */
export async function tour(name: string, urls: readonly string[], queue: string): Promise<string[]> {
  const library = open(name, urls);
  opened.set(name, library);
  return Promise.race([walk(library, queue), library.lost]);
}

async function walk(library: Library, queue: string): Promise<string[]> {
  const steps: string[] = [];
  await library.connected();
  const { client } = library;
  const send = (destination: string, more: { body?: string; binaryBody?: Uint8Array }, kind = 'x'): Promise<void> =>
    receipted(client, (headers) =>
      library.publish({ destination, headers: Object.assign(headers, { kind }), ...more }),
    );
  steps.push(`connected with STOMP ${client.connectedVersion}`);
  const next = messages(library, queue, 'client-individual');
  const octopus = '🐙: grüße\n\\';
  await send(queue, { body: octopus }, '🐙 ü');
  const text = await next();
  check(text.body === octopus && text.headers['kind'] === '🐙 ü', 'text');
  await receipted(client, (headers) => text.ack(headers));
  steps.push('text');
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  await send(queue, { binaryBody: every });
  const binary = await next();
  check(binary.binaryBody.join() === every.join(), 'every byte');
  await receipted(client, (headers) => binary.nack(headers));
  const again = await next();
  check(again.headers['redelivered'] === 'true', 'redelivered');
  await receipted(client, (headers) => again.ack(headers));
  steps.push('binary, refused and given again');
  const transaction = client.begin();
  client.publish({ destination: queue, body: 'in it', headers: { transaction: transaction.id } });
  transaction.commit();
  const committed = await next();
  check(committed.body === 'in it', 'committed');
  await receipted(client, (headers) => committed.ack(headers));
  steps.push('transaction');
  const large = new Uint8Array(5_000_000).fill(0xe9);
  await send(queue, { binaryBody: large });
  const much = await next();
  check(much.binaryBody.length === large.length && much.binaryBody.every((byte) => byte === 0xe9), '5 MB');
  await receipted(client, (headers) => much.ack(headers));
  steps.push('5 MB');
  const connections = client.connectedVersion;
  await new Promise((resolve) => setTimeout(resolve, 4 * BEAT_MS));
  check(client.connected && client.connectedVersion === connections, 'kept by heart-beats');
  await send(queue, { body: 'before' });
  const kept = await next();
  check(kept.body === 'before', 'alive');
  steps.push('heart-beats');
  return steps;
}

/** After its node has been killed: the library connects to another by itself. */
export async function goOn(name: string, queue: string): Promise<string[]> {
  const library = opened.get(name)!;
  for (;;) {
    await library.connected();
    try {
      const body = await sendAndReceive(library, `${queue}-after`);
      await library.client.deactivate();
      return [body];
    } catch {
      // It was lost a moment ago, and comes back.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function sendAndReceive(library: Library, destination: string): Promise<string> {
  const next = messages(library, destination, 'auto');
  await receipted(library.client, (headers) => library.publish({ destination, headers, body: 'after' }));
  return (await next()).body;
}

/** What an ERROR on CONNECT says, or `connected`. */
export async function login(url: string, name: string, passcode: string): Promise<string> {
  return new Promise((resolve) => {
    const client: StompClient = new StompJs.Client({
      brokerURL: url,
      connectHeaders: { login: name, passcode },
      reconnectDelay: 0,
      onConnect: () => void client.deactivate().then(() => resolve('connected')),
      onStompError: ({ headers }) => void client.deactivate().then(() => resolve(headers['message'] ?? '')),
    });
    client.activate();
  });
}

/** `open PROTOCOL` or `closed CODE`. */
export async function knock(url: string, protocols: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    socket.onopen = () => resolve(`open ${socket.protocol}`);
    socket.onclose = ({ code }) => resolve(`closed ${code}`);
  });
}
