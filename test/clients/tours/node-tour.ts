/** `node node-tour.js LIBRARY NAME PORT…`: one library's tour, a line for each step. */
import { rxStomp } from './rx-stomp.ts';
import { stompIt } from './stompit.ts';
import { stompJs, tcpSockets, webSockets } from './stompjs.ts';
import { Walk } from './tour.ts';
import type { Library } from './tour.ts';

const libraries: Readonly<Record<string, Library>> = {
  stompit: stompIt,
  stompjs: stompJs(tcpSockets),
  'rx-stomp': rxStomp(tcpSockets),
  'stompjs by WebSocket': stompJs(webSockets),
  'rx-stomp by WebSocket': rxStomp(webSockets),
};
const [library = '', name = '', ...ports] = process.argv.slice(2);
await new Walk(libraries[library]!, name, ports.map(Number)).go();
process.exit(0);
