/** What somebody asks about. */
export type Subject =
  | { readonly kind: 'queue'; readonly name: string }
  | { readonly kind: 'topic'; readonly name: string }
  | { readonly kind: 'message'; readonly name: string; readonly position: number | null };

export const subjectForms =
  'must be /queue/NAME, /topic/NAME, NAME (which is /queue/NAME), or the message-id of a MESSAGE';

const nameLengthMax = 1024;

/** Ways to write a destination that stand for another. */
const aliases: readonly (readonly [written: string, meant: string])[] = [
  ['/amq/queue/', '/queue/'],
  ['/exchange/amq.topic/', '/topic/'],
];

/** As it was written by a person; null: it makes no sense. */
export function parseSubject(text: string): Subject | null {
  if (/^\d{1,15}$/.test(text)) return { kind: 'message', name: String(Number(text)), position: Number(text) };
  if (/^v\d+-\d+$/.test(text)) return { kind: 'message', name: text, position: null };
  const alias = aliases.find(([written]) => text.startsWith(written));
  const name = alias === undefined ? text : alias[1] + text.slice(alias[0].length);
  const canonical = name.startsWith('/') ? name : `/queue/${name}`;
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  if (!/^\/[a-z-]+\/[^\u0000-\u001f\u007f]+$/.test(canonical) || canonical.length > nameLengthMax) return null;
  const kind = /^\/(?:remote-)?(?:temp-)?topic\//.test(canonical) ? 'topic' : 'queue';
  return { kind, name: canonical };
}
