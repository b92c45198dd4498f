import { encodeText } from '@lockstep/kernel';
import { encodeFrame, FrameParser, FrameWriter, StompError } from '../../src/codec/index.ts';
import { InputBudget } from '../../src/input-budget.ts';
import { defaultStompLimits } from '../../src/session/limits.ts';
import { Session } from '../../src/session/session.ts';
import { noAttributes } from '@lockstep/core';
import type { Effect, Message, MessageAttributes, Refusal, Request } from '@lockstep/core';
import type { JournalPosition, SessionId } from '@lockstep/kernel';
import type { Command, StompVersion } from '../../src/codec/index.ts';
import type { StompLimits } from '../../src/session/limits.ts';

export type Headers = Readonly<Record<string, string>>;

/** A frame as text: the command, each header line decoded, and the body behind a blank line. */
export function describe(command: string, headers: readonly (readonly [string, string])[], body: string): string {
  const lines = headers.map(([name, value]) => `${name}:${value}`);
  return [command, ...lines, ...(body === '' ? [] : ['', body])].join('\n');
}

/** All frames in the bytes, described. */
export function readFrames(bytes: Uint8Array, version: StompVersion): string[] {
  const parser = new FrameParser({ headerBytesMax: 1e6, headersMax: 1000, bodyBytesMax: 1e8 });
  parser.version = version;
  parser.feed(bytes);
  const frames: string[] = [];
  for (let frame = parser.next(); frame !== null; frame = parser.next()) {
    frames.push(describe(frame.command, frame.headers(), Buffer.from(frame.body).toString('utf8')));
    if (frame.command === 'CONNECTED') parser.version = frame.header('version') as StompVersion;
  }
  return frames;
}

export interface DeliverySettings {
  readonly subscription?: number;
  readonly position?: number;
  readonly volatileId?: string;
  readonly tag?: number;
  readonly destination?: string;
  readonly envelope?: number;
  readonly headerBlock?: string;
  readonly body?: string;
  readonly redelivered?: boolean;
  readonly deliveryCount?: number;
  readonly attributes?: Partial<MessageAttributes>;
  readonly deadLetter?: Message['deadLetter'];
}

export function delivery(session: SessionId, settings: DeliverySettings = {}): Effect {
  const position = (settings.position ?? 0) as JournalPosition;
  return {
    type: 'deliver',
    session,
    subscription: settings.subscription ?? 1,
    tag: settings.tag ?? position,
    message: {
      position,
      volatileId: settings.volatileId ?? null,
      destination: settings.destination ?? '/queue/a',
      timestampMs: 1_700_000_000_000,
      envelope: settings.envelope ?? 2,
      headerBlock: encodeText(settings.headerBlock ?? ''),
      body: encodeText(settings.body ?? 'hello'),
      attributes: settings.attributes === undefined ? null : { ...noAttributes, ...settings.attributes },
      deadLetter: settings.deadLetter ?? null,
    },
    redelivered: settings.redelivered ?? false,
    deliveryCount: settings.deliveryCount ?? 1,
  };
}

/** A session between a scripted client and a scripted broker. */
export class SessionBench {
  readonly id = 'a-1-1' as SessionId;
  readonly session: Session;
  readonly #writer = new FrameWriter();
  readonly #parser = new FrameParser({ headerBytesMax: 65536, headersMax: 1000, bodyBytesMax: 1e8 });
  opened = 0;
  /** Called within each request. */
  onRequest: () => void = () => {};
  readonly #requests: Request[] = [];

  constructor(
    limits: Partial<StompLimits> = {},
    failover = 'failover:(tcp://h:1)',
    budget: InputBudget = new InputBudget(Infinity),
  ) {
    const self = { server: 'lockstep/test', failover: () => failover };
    this.session = new Session(this.id, self, { ...defaultStompLimits, ...limits }, budget, this.#writer, {
      opened: () => this.opened++,
      submit: (request) => {
        this.onRequest();
        this.#requests.push(request);
      },
    });
  }

  /** As after CONNECT; what was written is taken away. */
  static connected(version: StompVersion, limits: Partial<StompLimits> = {}, budget?: InputBudget): SessionBench {
    const bench = new SessionBench(limits, undefined, budget);
    bench.client('CONNECT', { 'accept-version': version });
    bench.written();
    return bench;
  }

  client(command: Command, headers: Headers = {}, body = ''): this {
    const { version } = this.session;
    return this.bytes(encodeFrame({ command, headers: Object.entries(headers), body: encodeText(body), version }));
  }

  bytes(bytes: Uint8Array): this {
    this.#parser.feed(bytes);
    try {
      for (let frame = this.#parser.next(); frame !== null; frame = this.#parser.next()) {
        this.session.frame(frame);
        this.#parser.version = this.session.version;
      }
    } catch (error) {
      if (!(error instanceof StompError)) throw error;
      this.session.malformed(error);
    }
    return this;
  }

  /** Frames written since the last call. */
  written(): string[] {
    const bytes = Buffer.concat(this.#writer.take());
    this.session.written();
    return readFrames(bytes, this.session.version);
  }

  /** Requests made since the last call. */
  requests(): Request[] {
    return this.#requests.splice(0);
  }

  deliver(settings: DeliverySettings): this {
    this.session.effect(delivery(this.id, settings));
    return this;
  }

  /** Answers the requests since the last call that bear a token, the last one with the refusal. */
  answer(refusal: Refusal | null = null): this {
    const tokens = this.requests().flatMap((request) => ('token' in request ? [request.token] : []));
    for (const token of tokens) {
      const last = token === tokens.at(-1);
      this.session.effect({ type: 'reply', session: this.id, token, refusal: last ? refusal : null });
    }
    return this;
  }

  /** Requests in one line each. */
  asked(): string[] {
    return this.requests().map(summary);
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

export function summary(request: Request): string {
  switch (request.type) {
    case 'send':
      return `send ${request.destination} ${JSON.stringify(text(request.message.headerBlock))} ${text(request.message.body)}`;
    case 'subscribe':
      return `subscribe ${request.subscription} ${request.destination} ${request.prefetchMessages} ${request.prefetchBytes}`;
    case 'unsubscribe':
      return `unsubscribe ${request.subscription}`;
    case 'settle': {
      const { subscription, outcome, tags } = request.settlement;
      return `settle ${subscription} ${outcome} ${tags.join(',')}`;
    }
    case 'commit': {
      const sends = request.sends.map(({ destination, message }) => `${destination} ${text(message.body)}`);
      const settled = request.settlements.map(
        ({ subscription, outcome, tags }) => `${subscription} ${outcome} ${tags.join(',')}`,
      );
      return `commit [${sends.join('; ')}] [${settled.join('; ')}]`;
    }
    case 'endSession':
      return `endSession ${request.how}`;
  }
}

/** An ERROR frame's message, and the rest of what matters of it. */
export function errorOf(frames: readonly string[]): string | undefined {
  const error = frames.at(-1);
  if (error === undefined || !error.startsWith('ERROR\n')) return undefined;
  return /^message:(.*)$/m.exec(error)?.[1];
}
