import type { Address, Connection, ConnectionHandlers, Network } from '@lockstep/kernel';
import { FrameParser } from '@lockstep/stomp-server/codec';
import type { Frame } from '@lockstep/stomp-server/codec';

const limits = { headerBytesMax: 64 * 1024, headersMax: 100, bodyBytesMax: 4 * 1024 * 1024 };

/** What passes between a node and one client, as the node sees it: at the moment when it writes, and when it is given what came. */
export interface ClientLine {
  /** A frame has come. Not all that came: what the node does not read yet has not. */
  came(frame: Frame): void;
  /** Anything has come, a heart-beat maybe. */
  heard(): void;
  /** The node reads no more for now, or reads again. */
  paused(paused: boolean): void;
  wrote(frame: Frame): void;
  /** The node ends the connection, which nobody else has ended before. */
  ended(): void;
  /** The connection is over. */
  closed(): void;
}

/** The network of a node whose connections with clients are watched. Nothing is changed. */
export function watchedNetwork(network: Network, port: number, accept: () => ClientLine): Network {
  return {
    connect: (address: Address, timeoutMs: number, tls) => network.connect(address, timeoutMs, tls),
    listen: (address, onConnection, tls) =>
      network.listen(
        address,
        address.port === port ? (connection) => onConnection(watched(connection, accept())) : onConnection,
        tls,
      ),
  };
}

function frames(take: (frame: Frame) => void): (chunk: Uint8Array) => void {
  const parser = new FrameParser(limits);
  return (chunk) => {
    // The parser's frames are views of what it is fed.
    parser.feed(chunk.slice());
    for (let frame = parser.next(); frame !== null; frame = parser.next()) {
      if (frame.command === 'CONNECTED' || frame.command === 'CONNECT') parser.version = '1.2';
      take(frame);
    }
  };
}

function watched(connection: Connection, line: ClientLine): Connection {
  let over = false;
  const came = frames((frame) => line.came(frame));
  const wrote = frames((frame) => line.wrote(frame));
  const end = (): void => {
    if (over) return;
    over = true;
    line.ended();
    line.closed();
  };
  const close = (): void => {
    if (over) return;
    over = true;
    line.closed();
  };
  return {
    remote: connection.remote,
    local: connection.local,
    get bufferedBytes() {
      return connection.bufferedBytes;
    },
    start: (handlers: ConnectionHandlers) =>
      connection.start({
        data: (chunk) => {
          line.heard();
          came(chunk);
          handlers.data(chunk);
        },
        drain: () => handlers.drain(),
        end: () => {
          close();
          handlers.end();
        },
        close: (error) => {
          close();
          handlers.close(error);
        },
      }),
    write: (chunk) => {
      if (!over) wrote(chunk);
      return connection.write(chunk);
    },
    cork: () => connection.cork(),
    uncork: () => connection.uncork(),
    pause: () => {
      line.paused(true);
      connection.pause();
    },
    resume: () => {
      line.paused(false);
      connection.resume();
    },
    end: () => {
      end();
      connection.end();
    },
    destroy: () => {
      end();
      connection.destroy();
    },
  };
}
