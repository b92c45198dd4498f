/** Stands for a node: says at which port it listens, and ends cleanly when its standard input does. */
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

process.stdout.on('error', () => {});
process.stdin.on('end', () => process.exit(0)).resume();
const server = createServer((socket) => socket.on('error', () => {}));
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
