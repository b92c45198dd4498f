import { shown, unsupported } from './fault.ts';
import type { Fault } from './fault.ts';

/** Bytes of a canonical name's part behind `/queue/` or `/topic/`. */
export const DESTINATION_BYTES_MAX = 255;

const FORMS = 'Destinations are /queue/NAME and /topic/NAME; a bare NAME is /queue/NAME.';

/** Each way to write a destination, and the canonical prefix it stands for. For those who come from RabbitMQ: the last two. */
const PREFIXES: readonly (readonly [written: string, canonical: '/queue/' | '/topic/'])[] = [
  ['/queue/', '/queue/'],
  ['/topic/', '/topic/'],
  ['/amq/queue/', '/queue/'],
  ['/exchange/amq.topic/', '/topic/'],
];

const NOT_YET: readonly (readonly [prefix: string, what: string])[] = [
  ['/temp-queue/', 'a temporary queue'],
  ['/temp-topic/', 'a temporary topic'],
  ['/remote-temp-queue/', 'a temporary queue'],
  ['/dsub/', "a durable subscription's queue"],
];

/** The canonical name (`/queue/N` or `/topic/N`) of a destination as a client wrote it, or why there is none. */
export function resolveDestination(command: 'SEND' | 'SUBSCRIBE', written: string): string | Fault {
  for (const [prefix, what] of NOT_YET) {
    if (written.startsWith(prefix)) return unsupported(command, `${what} (${shown(written)})`, FORMS);
  }
  if (written.includes(',')) return unsupported(command, `a composite destination (${shown(written)})`, FORMS);
  const known = PREFIXES.find(([prefix]) => written.startsWith(prefix));
  if (known === undefined && written.startsWith('/')) {
    return { message: `${command}: no such kind of destination: ${shown(written)}`, hint: FORMS };
  }
  const name = known === undefined ? written : written.slice(known[0].length);
  const canonical = (known?.[1] ?? '/queue/') + name;
  return checkName(command, written, name) ?? checkMeaning(command, canonical) ?? canonical;
}

function checkName(command: string, written: string, name: string): Fault | null {
  if (name === '') return { message: `${command}: destination without a name: ${shown(written)}`, hint: FORMS };
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  if (/[\u0000-\u001f\u007f]/.test(name)) {
    return { message: `${command}: control character in destination ${shown(written)}`, hint: FORMS };
  }
  if (Buffer.byteLength(name) > DESTINATION_BYTES_MAX) {
    const message = `${command}: destination longer than ${DESTINATION_BYTES_MAX} bytes: ${shown(written)}`;
    return { message };
  }
  const levels = name.split('.');
  if (levels.includes('*') || levels.includes('>') || levels.at(-1) === '#') {
    return unsupported(command, `a wildcard in a destination (${shown(written)})`, FORMS);
  }
  return null;
}

/** Names that mean more than a queue or a topic of that name. */
function checkMeaning(command: string, canonical: string): Fault | null {
  if (canonical.startsWith('/topic/VirtualTopic.') || /^\/queue\/Consumer\.[^.]+\.VirtualTopic\./.test(canonical)) {
    return unsupported(command, `a virtual topic (${shown(canonical)})`);
  }
  if (canonical.startsWith('/topic/ActiveMQ.Advisory.')) {
    return unsupported(command, `an advisory topic (${shown(canonical)})`);
  }
  return null;
}
