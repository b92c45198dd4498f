/** One load process of `pnpm bench`: producers or consumers over plain sockets, with one write for each chunk that came in. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { encodeFrame, FrameParser } from '@lockstep/stomp-server/codec';
import type { Frame } from '@lockstep/stomp-server/codec';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';

import { nowMs } from './plan.ts';
import type { WorkerPlan, WorkerResult } from './plan.ts';

const plan = JSON.parse(process.argv[2] ?? '') as WorkerPlan;
const limits = { headerBytesMax: 65_536, headersMax: 100, bodyBytesMax: 64 * 1024 * 1024 };
/** What waited in a deep queue for longer counts as so much. */
const latencyMaxMicros = 120_000_000;
const histogram = build({
  lowestDiscernibleValue: 1,
  highestTrackableValue: latencyMaxMicros,
  numberOfSignificantValueDigits: 3,
});
let count = 0;
let receipts = 0;
let sent = 0;

function record(sentAtMs: number): void {
  const now = nowMs();
  if (now < plan.measureFromMs || now >= plan.measureToMs) return;
  count++;
  histogram.recordValue(Math.min(latencyMaxMicros, Math.max(1, Math.round((now - sentAtMs) * 1000))));
}

/** Connects, and gives every later frame to `take`; what `take` adds to `out` is written as one. */
function open(
  index: number,
  onConnected: (socket: Socket) => void,
  take: (frame: Frame, out: Uint8Array[]) => void,
): void {
  const socket = connect({ host: '127.0.0.1', port: plan.ports[index % plan.ports.length]!, noDelay: true });
  const parser = new FrameParser(limits);
  socket.write(
    encodeFrame({
      command: 'CONNECT',
      headers: [
        ['accept-version', '1.2'],
        ['host', 'bench'],
      ],
      version: '1.2',
    }),
  );
  socket.on('data', (chunk) => {
    parser.feed(chunk);
    const out: Uint8Array[] = [];
    for (let frame = parser.next(); frame !== null; frame = parser.next()) {
      if (frame.command === 'CONNECTED') {
        parser.version = '1.2';
        onConnected(socket);
      } else if (frame.command === 'ERROR') fail(`ERROR ${frame.header('message')}`);
      else take(frame, out);
    }
    if (out.length > 0) socket.write(out.length === 1 ? out[0]! : Buffer.concat(out));
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the broker closed the connection'));
}

let finished = false;
function fail(reason: string): void {
  if (finished) return;
  process.stderr.write(`${plan.role}: ${reason}\n`);
  process.exit(1);
}

/** A body begins with the time it was sent, or due, in microseconds. */
function makeSend(sentAtMs: number): Uint8Array {
  const stamp = Math.round(sentAtMs * 1000);
  const head = `SEND\ndestination:${plan.destination}\nreceipt:${stamp}\ncontent-length:${plan.bodyBytes}\n\n${stamp} `;
  const length = head.length + plan.bodyBytes - String(stamp).length - 1;
  const bytes = Buffer.alloc(length + 2, 'x');
  bytes.write(head, 'latin1');
  bytes[length] = 0;
  bytes[length + 1] = 10;
  return bytes;
}

function produce(index: number): void {
  let openReceipts = 0;
  let socket: Socket | null = null;
  const first = plan.measureFromMs - 60_000;
  let due = nowMs() + (index * 1000) / Math.max(1, plan.rate);
  const fill = (out: Uint8Array[]): void => {
    const now = nowMs();
    if (now >= plan.measureToMs) return;
    const more = (): boolean => plan.messages === 0 || sent < plan.messages;
    while (openReceipts < plan.window && more() && (plan.rate === 0 || due <= now)) {
      sent++;
      out.push(makeSend(plan.rate === 0 ? now : due));
      due += (plan.connections * 1000) / Math.max(1, plan.rate);
      openReceipts++;
    }
  };
  const kick = (): void => {
    const out: Uint8Array[] = [];
    fill(out);
    if (out.length > 0) socket?.write(Buffer.concat(out));
  };
  open(
    index,
    (connected) => {
      socket = connected;
      due = Math.max(first, nowMs());
      kick();
      if (plan.rate > 0) setInterval(kick, 1).unref();
    },
    (frame, out) => {
      openReceipts--;
      record(Number(frame.header('receipt-id')) / 1000);
      if (++receipts === plan.messages) end();
      fill(out);
    },
  );
}

function consume(index: number): void {
  open(
    index,
    (socket) => {
      const headers: [string, string][] = [
        ['id', '0'],
        ['destination', plan.destination],
        ['ack', plan.ack],
        ['prefetch-count', String(plan.prefetch)],
      ];
      socket.write(encodeFrame({ command: 'SUBSCRIBE', headers, version: '1.2' }));
    },
    (frame, out) => {
      const body = Buffer.from(frame.body.buffer, frame.body.byteOffset, Math.min(20, frame.body.byteLength));
      record(Number.parseInt(body.toString('latin1', 0, body.indexOf(32)), 10) / 1000);
      if (plan.ack !== 'auto') out.push(Buffer.from(`ACK\nid:${frame.header('ack')}\n\n\0\n`, 'latin1'));
    },
  );
}

for (let i = 0; i < plan.connections; i++) {
  if (plan.role === 'producers') produce(i);
  else consume(i);
}
function end(): void {
  finished = true;
  const { user, system } = process.cpuUsage();
  const result: WorkerResult = {
    role: plan.role,
    count,
    histogram: encodeIntoCompressedBase64(histogram),
    cpuSeconds: (user + system) / 1e6,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
setTimeout(end, plan.drainToMs - nowMs());
