import { createServer, STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';

/** What a request's line and headers may take. */
const HEAD_BYTES_MAX = 16 * 1024;
/** How long the other side may leave a Close unanswered: as long as it has elsewhere to take the last frames. */
const CLOSE_MS = 3000;
/** What `ws` can count to. */
const MESSAGE_BYTES_MAX = 0x7fffffff;
/** The highest first: a client that offers several can speak it. */
const SUBPROTOCOLS = ['v12.stomp', 'v11.stomp', 'v10.stomp', 'stomp'];

export interface WebSocketHandshakeOptions {
  /** Does a page of this origin get in? Asked where a browser tells it. */
  readonly takesOrigin: (origin: string) => boolean;
  /** Of one message, bytes; a longer one ends its connection with Close 1009. */
  readonly messageBytesMax: number;
  readonly opened: (webSocket: WebSocket, socket: Socket) => void;
  /** The client has been told; its connection ends. */
  readonly refused: (socket: Socket, why: string) => void;
}

/** The HTTP before a WebSocket: any path, and the subprotocols of STOMP or none. It watches no time. */
export class WebSocketHandshake {
  readonly #http: Server;

  constructor(options: WebSocketHandshakeOptions) {
    const settings: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: Math.min(options.messageBytesMax, MESSAGE_BYTES_MAX),
      closeTimeout: CLOSE_MS,
      handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
    };
    const upgrade = new WebSocketServer(settings);
    upgrade.on('wsClientError', (error, socket) => {
      options.refused(socket as Socket, error.message);
      reject(socket as Socket, 400, error.message);
    });
    this.#http = createServer({ maxHeaderSize: HEAD_BYTES_MAX, keepAlive: false }, (request, response) => {
      options.refused(request.socket, 'it asks for a page, not for a WebSocket');
      tellPage(response);
    });
    this.#http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const { origin } = request.headers;
      if (origin !== undefined && !options.takesOrigin(origin)) {
        options.refused(socket, `pages of ${origin.slice(0, 200)} are not allowed`);
        return reject(socket, 403, 'Pages of this origin are not allowed here (listeners, origins).');
      }
      upgrade.handleUpgrade(request, socket, head, (webSocket) => options.opened(webSocket, socket));
    });
    this.#http.on('clientError', (error, socket) => {
      options.refused(socket as Socket, `it does not speak HTTP: ${error.message}`);
      socket.destroy();
    });
  }

  /** Takes the socket over, from its first byte on. */
  take(socket: Socket): void {
    this.#http.emit('connection', socket);
    // Whoever looked at the first bytes has stopped it.
    if (socket.isPaused()) socket.resume();
  }
}

function tellPage(response: ServerResponse): void {
  response.writeHead(426, { connection: 'close, upgrade', upgrade: 'websocket', 'content-type': 'text/plain' });
  response.end('STOMP over WebSocket is spoken here.\n');
}

function reject(socket: Socket, status: number, text: string): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: text/plain',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  socket.on('error', () => {});
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
