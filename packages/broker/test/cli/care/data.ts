import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ImportWriter } from '@lockstep/core';
import { silentLog } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import { entryKind, makeEntry, openStorage } from '@lockstep/raft-log/care';
import type { Test } from 'tap';

import { NodeClock } from '../../../src/ports/node-clock.ts';
import { NodeDisk } from '../../../src/ports/node-disk.ts';
import { lockstep, started } from '../program.ts';

const settledCount = 20;

/** Long enough that they fill several segments of 64 KiB. */
export function bodyOf(i: number): string {
  return `message ${i} ${'.'.repeat(300)}`;
}

export interface Made {
  readonly data: string;
  /** Bodies of what waits in /queue/a, in order. */
  readonly waiting: readonly string[];
}

/** A broker of one has run there: messages to /queue/a, of which the first twenty were taken, and one to /queue/b. */
export async function makeData(t: Test, snapshotBytes = '100MB', messageCount = 400): Promise<Made> {
  const directory = t.testdir({
    'lockstep.yaml': `journal: { segmentBytes: 64KiB, snapshotBytes: ${snapshotBytes} }\n`,
  });
  const data = join(directory, 'data');
  const config = join(directory, 'lockstep.yaml');
  const node = started(['start', '--config', config, '--data', data, '--stomp', '0', '--log-level', 'warn']);
  const uri = `tcp://${String((await node.line('ready'))['stomp'])}`;
  const bodies = Array.from({ length: messageCount }, (_, i) => bodyOf(i));
  for (let from = 0; from < messageCount; from += 500) {
    await lockstep(['send', uri, '/queue/a', ...bodies.slice(from, from + 500)]);
  }
  await lockstep(['send', uri, '/queue/b', 'the other']);
  await lockstep(['receive', uri, '/queue/a', '--count', String(settledCount)]);
  node.child.kill('SIGTERM');
  await node.ended;
  return { data, waiting: bodies.slice(settledCount) };
}

let copies = 0;

/** A copy that a test may damage. */
export function copyOf({ data }: Made): string {
  const copy = `${data}-${++copies}`;
  cpSync(data, copy, { recursive: true });
  return copy;
}

/** Every file with its content, and when it was changed. */
export function fingerprint(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, name);
    const { mtimeMs } = statSync(path);
    const content = statSync(path).isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
    found[name] = `${content} ${mtimeMs}`;
  }
  return found;
}

export function segmentsOf(data: string): string[] {
  return readdirSync(join(data, 'journal'))
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(data, 'journal', name));
}

/** Flips a bit `ahead` of (or behind) where that text stands in a file of the journal. */
export function damageText(data: string, text: string, ahead = 0): { readonly file: string; readonly at: number } {
  for (const path of segmentsOf(data)) {
    const at = readFileSync(path).indexOf(text);
    if (at < 0) continue;
    flip(path, at + ahead);
    return { file: path.slice(data.length + 1), at };
  }
  throw new Error(`'${text}' stands nowhere`);
}

export function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

/** What one of three nodes has on its disk, with a few messages in /queue/a. */
export async function makeMember(directory: string): Promise<string> {
  const data = join(directory, 'member');
  mkdirSync(data);
  const storage = await openStorage({
    disk: new NodeDisk(data),
    log: silentLog,
    clock: new NodeClock(),
    segmentBytes: 1024 * 1024,
    fsync: 'always',
  });
  const [a, b, c] = ['a', 'b', 'c'] as NodeId[];
  const node = { broker: 'lockstep', node: a!, clusterId: 'c1', incarnation: 'i1' };
  await storage.writeIdentity({ formatVersion: 1, ...node, members: [a!, b!, c!], state: 'founded' });
  writeFileSync(join(data, 'owner.json'), '{"broker":"lockstep","node":"a"}');
  const writer = new ImportWriter();
  const commands = [writer.begin(1).slice()];
  for (let i = 0; i < 10; i++) {
    const body = Buffer.from(bodyOf(i));
    const past = { timestampMs: 1, count: 0, deadLetter: null, envelope: 6, attributes: null };
    commands.push(writer.message({ queue: '/queue/a', ...past, headerBlock: new Uint8Array(0), body }).slice());
  }
  commands.push(writer.end().slice());
  const entries = commands.map((command, i) => makeEntry(i + 1, 1, entryKind.command, command));
  const hardState = { term: 1, votedFor: a!, standing: 'voter' } as const;
  await new Promise<void>((resolve) => storage.write({ hardState, entries }, resolve));
  await storage.close();
  return data;
}

export interface Exported {
  readonly queue: string;
  readonly body: string;
}

/** What an export of it says waits there, by queue. */
export async function waitingIn(t: Test, data: string, ...flags: string[]): Promise<readonly string[]> {
  mkdirSync(`${data}-out`, { recursive: true });
  const file = join(`${data}-out`, `${readdirSync(`${data}-out`).length}.jsonl`);
  const { code, stderr } = await lockstep(['export', data, file, ...flags]);
  t.equal(code, 0, `exports ${stderr}`);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1, -1);
  return lines.map((line) => JSON.parse(line) as Exported).map(({ queue, body }) => `${queue} ${body}`);
}

/** As `waitingIn` tells it. */
export function told({ waiting }: Made): readonly string[] {
  return [...waiting.map((body) => `/queue/a ${body}`), '/queue/b the other'];
}

export interface Report {
  readonly ok: boolean;
  readonly messages: number;
  readonly damages: readonly {
    readonly file: string;
    readonly offset: number;
    readonly kind: string;
    readonly means: string;
    readonly messages: readonly { readonly id: string; readonly queue: string | null }[];
  }[];
}

/** What `verify --json` says. */
export async function report(data: string): Promise<Report> {
  return JSON.parse((await lockstep(['verify', data, '--json'])).stdout) as Report;
}
