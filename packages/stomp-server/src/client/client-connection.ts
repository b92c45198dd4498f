import { formatAddress } from '@lockstep/kernel';
import { FrameParser, FrameWriter, StompError } from '../codec/index.ts';
import { HeartBeats } from '../connection/heart-beats.ts';
import { StompClientError } from './client-error.ts';
import type { Clock, Connection, Network } from '@lockstep/kernel';
import type { Command, Frame, StompVersion } from '../codec/index.ts';
import type { BrokerAddress } from './broker-uri.ts';

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Connects with a broker by what is spoken below STOMP. Rejects with NetworkError. */
export type Dial = (broker: BrokerAddress, timeoutMs: number) => Promise<Connection>;

export interface ClientConnectionOptions {
  readonly network: Pick<Network, 'connect'>;
  /** For all that is not plain TCP; absent: that is refused. */
  readonly dial?: Dial;
  readonly clock: Clock;
  readonly login: string | null;
  readonly passcode: string | null;
  /** What this client promises to send and wants to get, milliseconds; 0: none. */
  readonly heartBeatMs: number;
  /** For the connection, and again for CONNECTED, milliseconds. */
  readonly connectTimeoutMs: number;
}

export interface ClientConnectionEvents {
  frame(frame: Frame): void;
  /** Last call, once. Not after `destroy`. */
  closed(error: StompClientError): void;
}

const LIMITS = { headerBytesMax: 1024 * 1024, headersMax: 10_000, bodyBytesMax: 256 * 1024 * 1024 };

/** One connection of a client with a broker, from CONNECTED on: frames out, frames in. */
export class ClientConnection {
  readonly broker: BrokerAddress;
  readonly #options: ClientConnectionOptions;
  readonly #connection: Connection;
  readonly #parser = new FrameParser(LIMITS);
  readonly #writer: FrameWriter;
  #events: ClientConnectionEvents;
  #heartBeats: HeartBeats | null = null;
  #flushDue = false;
  #congested = false;
  #waitingForRoom: (() => void)[] = [];
  #closed = false;
  /** What comes between CONNECTED and `listen`. */
  readonly #early: Frame[] = [];
  #brokenBy: StompClientError | null = null;

  private constructor(broker: BrokerAddress, connection: Connection, options: ClientConnectionOptions) {
    this.broker = broker;
    this.#connection = connection;
    this.#writer = new FrameWriter({ frameEnd: connection.writeMessage === undefined ? 'nul-lf' : 'nul' });
    this.#options = options;
    this.#events = { frame() {}, closed() {} };
  }

  /** Resolves when the broker has said CONNECTED. @throws StompClientError (as rejection): `refused` or `unreachable` */
  static async open(broker: BrokerAddress, options: ClientConnectionOptions): Promise<ClientConnection> {
    const where = formatAddress(broker.address);
    let connection: Connection;
    const { network, dial, connectTimeoutMs } = options;
    if (broker.transport !== 'tcp' && dial === undefined) {
      throw new StompClientError('bad-uri', `this client does not speak ${broker.transport}://`);
    }
    try {
      connection =
        broker.transport === 'tcp' || dial === undefined
          ? await network.connect(broker.address, connectTimeoutMs)
          : await dial(broker, connectTimeoutMs);
    } catch (error) {
      throw new StompClientError('unreachable', `${where} is not reachable`, error);
    }
    return new ClientConnection(broker, connection, options).#handshake();
  }

  get version(): StompVersion {
    return this.#parser.version;
  }

  /** Sets who gets the frames from now on, and what came since CONNECTED. */
  listen(events: ClientConnectionEvents): void {
    this.#events = events;
    for (const frame of this.#early.splice(0)) events.frame(frame);
    if (this.#brokenBy !== null) events.closed(this.#brokenBy);
  }

  /** Writes a frame; all of one turn go out together. */
  write(command: Command, headers: HeaderList, body?: Uint8Array): void {
    const writer = this.#writer;
    writer.begin(command);
    for (const [name, value] of headers) writer.header(name, value);
    writer.end(body);
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#options.clock.atTurnEnd(() => this.#flush());
  }

  /** Resolves when the network has taken what was written, or the connection is gone. */
  room(): Promise<void> {
    if (!this.#congested || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  /** Writes out, then ends this side; the other one closes. */
  end(): void {
    this.#flush();
    this.#connection.end();
  }

  /** Closes at once, without a further event. */
  destroy(): void {
    this.#events = { frame() {}, closed() {} };
    this.#connection.destroy();
  }

  #handshake(): Promise<ClientConnection> {
    const { clock, connectTimeoutMs, heartBeatMs } = this.#options;
    const where = formatAddress(this.broker.address);
    return new Promise((resolve, reject) => {
      const fail = (error: StompClientError): void => {
        timer.cancel();
        this.destroy();
        reject(error);
      };
      const timer = clock.setTimer(connectTimeoutMs, () => {
        fail(new StompClientError('unreachable', `${where} did not answer CONNECT within ${connectTimeoutMs} ms`));
      });
      this.#events = {
        frame: (frame) => {
          if (frame.command !== 'CONNECTED') return fail(refusal(frame));
          timer.cancel();
          this.#agree(frame);
          this.#events = {
            frame: (early) => this.#early.push(early),
            closed: (error) => {
              this.#brokenBy = error;
            },
          };
          resolve(this);
        },
        closed: (error) => fail(new StompClientError('unreachable', `${where} closed the connection`, error)),
      };
      this.#connection.start({
        data: (chunk) => this.#data(chunk),
        drain: () => this.#drained(),
        end: () => this.#connection.end(),
        close: (error) => this.#gone(new StompClientError('lost', `connection with ${where} lost`, error ?? undefined)),
      });
      const headers: [string, string][] = [
        ['accept-version', '1.0,1.1,1.2'],
        ['host', this.broker.address.host],
        ['heart-beat', `${heartBeatMs},${heartBeatMs}`],
      ];
      const login = this.broker.login ?? this.#options.login;
      const passcode = this.broker.passcode ?? this.#options.passcode;
      if (login !== null) headers.push(['login', login]);
      if (passcode !== null) headers.push(['passcode', passcode]);
      this.write('CONNECT', headers);
    });
  }

  #agree(connected: Frame): void {
    const version = connected.header('version');
    const agreed: StompVersion = version === '1.1' || version === '1.2' ? version : '1.0';
    this.#parser.version = agreed;
    this.#writer.version = agreed;
    const { heartBeatMs, clock } = this.#options;
    const [sends, wants] = (connected.header('heart-beat') ?? '0,0').split(',').map(Number);
    const meet = (ours: number, theirs: number | undefined): number => (ours && theirs ? Math.max(ours, theirs) : 0);
    const agreedBeats = { sendMs: meet(heartBeatMs, wants), receiveMs: meet(heartBeatMs, sends) };
    this.#heartBeats = new HeartBeats(agreedBeats, clock, {
      beat: () => {
        if (this.#congested) return;
        this.#writer.heartBeat();
        this.#flush();
      },
      silent: () => this.#break(new StompClientError('lost', `${formatAddress(this.broker.address)} is silent`)),
    });
  }

  #data(chunk: Uint8Array): void {
    this.#heartBeats?.received();
    this.#parser.feed(chunk);
    try {
      for (let frame = this.#parser.next(); frame !== null; frame = this.#parser.next()) this.#events.frame(frame);
    } catch (error) {
      if (!(error instanceof StompError)) throw error;
      this.#break(new StompClientError('lost', `the broker sent what is not STOMP: ${error.message}`, error));
    }
  }

  #flush(): void {
    this.#flushDue = false;
    if (this.#closed) return;
    let roomy = true;
    this.#connection.cork();
    const connection = this.#connection;
    if (connection.writeMessage === undefined) {
      for (const chunk of this.#writer.take()) roomy = connection.write(chunk);
    } else for (const message of this.#writer.takeMessages()) roomy = connection.writeMessage(message);
    connection.uncork();
    this.#heartBeats?.sent();
    this.#congested = !roomy;
  }

  #drained(): void {
    this.#congested = false;
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const resolve of waiting) resolve();
  }

  #break(error: StompClientError): void {
    const events = this.#events;
    this.destroy();
    events.closed(error);
  }

  #gone(error: StompClientError): void {
    this.#closed = true;
    this.#heartBeats?.stop();
    this.#drained();
    this.#events.closed(error);
  }
}

/** What an ERROR frame says; any other frame in its place breaks the protocol. */
export function refusal(frame: Frame): StompClientError {
  if (frame.command !== 'ERROR') return new StompClientError('refused', `unexpected frame ${frame.command}`);
  const message = frame.header('message') ?? Buffer.from(frame.body).toString('utf8').trim();
  return new StompClientError('refused', message === '' ? 'the broker sent an ERROR' : message);
}
