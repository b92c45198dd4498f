import { randomBytes } from 'node:crypto';

import type { RawFrame } from '../harness/raw-client.ts';
import type { Server } from './server.ts';
import { Refused, Talk } from './talk.ts';
import type { Headers, Version } from './talk.ts';

/** One behaviour at one server: names that nobody else uses, and connections that end with it. */
export class Scene {
  readonly server: Server;
  /** In each name; of letters and digits. */
  readonly tag: string;
  readonly #talks: Talk[] = [];

  constructor(server: Server, tag: string = randomBytes(5).toString('hex')) {
    this.server = server;
    this.tag = tag;
  }

  queue(name = 'q'): string {
    return `/queue/${this.name(name)}`;
  }

  topic(name = 't'): string {
    return `/topic/${this.name(name)}`;
  }

  name(name: string): string {
    return `${name}-${this.tag}`;
  }

  /** Connected. */
  async client(version: Version = '1.2', headers: Headers = {}): Promise<Talk> {
    const talk = await this.unconnected(version);
    talk.connect(headers);
    await talk.connected();
    return talk;
  }

  /** The TCP connection alone. */
  async unconnected(version: Version = '1.2'): Promise<Talk> {
    const talk = await Talk.open(this.server, version);
    this.#talks.push(talk);
    return talk;
  }

  end(): void {
    for (const talk of this.#talks) talk.cut();
  }
}

/** Bodies in their order, in short. */
export function told(messages: readonly RawFrame[]): string {
  return messages.length === 0 ? 'nothing' : messages.map(({ body }) => body.toString()).join(', ');
}

/** As `told`; a message that says that it is redelivered has a star. */
export function starred(messages: readonly RawFrame[]): string {
  if (messages.length === 0) return 'nothing';
  return messages
    .map(({ body, headers }) => `${body.toString()}${headers['redelivered'] === 'true' ? '*' : ''}`)
    .join(', ');
}

/** One thing that a user can see a server do. */
export interface Behaviour {
  /** Unique; the name of its row. */
  readonly id: string;
  /** What is done, and what is looked at, in one line of Markdown. */
  readonly says: string;
  /** Why servers differ, and what Lockstep does; must be given where they do. */
  readonly note?: string;
  /** Uses what all share (a dead letter queue): no other runs beside it. */
  readonly alone?: boolean;
  /** A few words, of which the same mean the same. */
  readonly observe: (scene: Scene) => Promise<string>;
}

export interface Section {
  readonly title: string;
  readonly behaviours: readonly Behaviour[];
}

/** Runs one behaviour; what was refused where nothing should be is an outcome, too. */
export async function observe(behaviour: Behaviour, server: Server): Promise<string> {
  const scene = new Scene(server);
  try {
    return await behaviour.observe(scene);
  } catch (error) {
    if (error instanceof Refused) return `refused: ${inShort(error.message, scene.tag)}`;
    throw error;
  } finally {
    scene.end();
  }
}

/** Without what is another one each time. */
function inShort(message: string, tag: string): string {
  const line = message.replaceAll(`-${tag}`, '').replace(/\s+/g, ' ').trim();
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}
