/** One line of a node's log, as far as the runner of a cluster cares. */
export interface NodeLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const COMMON_FIELDS = new Set(['level', 'time', 'broker', 'node', 'msg', 'stack']);

/** Null for what is not a line of the log: that is shown as it is. */
export function parseNodeLine(line: string): NodeLine | null {
  if (!line.startsWith('{')) return null;
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { level, msg } = parsed;
  if (typeof level !== 'string' || typeof msg !== 'string') return null;
  const fields = Object.fromEntries(Object.entries(parsed).filter(([name]) => !COMMON_FIELDS.has(name)));
  return { level, message: msg, fields };
}

/** `message (name value, name value)`. */
export function showNodeLine({ message, fields }: NodeLine): string {
  const said = Object.entries(fields).filter(([, value]) => value !== null);
  if (said.length === 0) return message;
  return `${message} (${said.map(([name, value]) => `${name} ${String(value)}`).join(', ')})`;
}
