import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Of this package; the program itself is in `build`. */
const modules = new URL('../../node_modules/', import.meta.url);

const files: Readonly<Record<string, URL>> = {
  '/page.js': new URL('page.js', import.meta.url),
  '/rxjs.js': new URL('rxjs/dist/bundles/rxjs.umd.js', modules),
  '/stompjs.js': new URL('@stomp/stompjs/bundles/stomp.umd.js', modules),
  '/rx-stomp.js': new URL('@stomp/rx-stomp/bundles/rx-stomp.umd.js', modules),
};

/** The libraries as pages load them without a bundler; rx-stomp asks for uuid. */
const page = `<!doctype html><title>STOMP</title>
<script>var uuid = { v4: () => crypto.randomUUID() };</script>
<script src="/rxjs.js"></script>
<script src="/stompjs.js"></script>
<script src="/rx-stomp.js"></script>
`;

/** A web server on loopback with the page that uses the libraries. */
export class PageServer {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(): Promise<PageServer> {
    const server = createServer((request, response) => {
      const file = files[request.url ?? ''];
      const content = file === undefined ? Promise.resolve(page) : readFile(fileURLToPath(file));
      content.then(
        (bytes) => {
          const type = file === undefined ? 'text/html' : 'text/javascript';
          response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(bytes);
        },
        (error: Error) => response.writeHead(500).end(error.message),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PageServer(server);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
