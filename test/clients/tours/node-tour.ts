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
/** For all of it: a library that waits in vain would wait for ever. */
const patienceMs = 150_000;
setTimeout(() => {
  console.log('not ok: something never came');
  process.exit(1);
}, patienceMs);

const [library = '', name = '', ...ports] = process.argv.slice(2);
await new Walk(libraries[library]!, name, ports.map(Number)).go();
process.exit(0);
