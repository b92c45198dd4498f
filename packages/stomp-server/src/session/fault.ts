/** Why a client's frame is refused: what its ERROR frame says. After one the session is over. */
export interface Fault {
  /** One line that names the frame, what is wrong and where. The wire shows its first 200 bytes. */
  readonly message: string;
  /** Plain text for the body: what would have been right. */
  readonly hint?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

const SHOWN_MAX = 60;

/** What a client sent, fit for a message: one line, and not too long. */
export function shown(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, '.');
  return clean.length > SHOWN_MAX ? `${clean.slice(0, SHOWN_MAX)}...` : clean;
}

export function missingHeader(command: string, name: string, version: string): Fault {
  return { message: `${command}: missing header ${name}`, hint: `STOMP ${version} asks for it.` };
}

/** What Lockstep will have and this version has not: refused, since to ignore it would change what the frame means. */
export function unsupported(command: string, what: string, hint?: string): Fault {
  const message = `${command}: ${what} is not supported in this version`;
  return hint === undefined ? { message } : { message, hint };
}
