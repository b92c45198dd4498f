import { CommandError, exitCodes } from './exit-codes.ts';

const DEFAULT_ADMIN = 'http://127.0.0.1:8161';
/** A change of the membership waits for a majority's disks, and for the master to be found. */
const ANSWER_MS = 20_000;

/** Of `--admin`, else of the environment. `HOST:PORT` will do. @throws CommandError */
export function adminUrlOf(given: string | undefined): URL {
  const text = given ?? process.env['LOCKSTEP_ADMIN_URL'] ?? DEFAULT_ADMIN;
  try {
    const url = new URL(text.includes('://') ? text : `http://${text}`);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // Said below.
  }
  throw new CommandError(exitCodes.usage, `--admin: '${text}': must be a URL, as ${DEFAULT_ADMIN}`);
}

interface Refusal {
  readonly reason?: string;
  readonly error?: string;
}

/**
 * What the admin port of a node answers.
 * @throws CommandError: 3 when nobody answers, 1 when the node refuses, or fails, with its reason.
 */
export async function askAdmin(
  url: URL,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    const hint = 'is the node running, and is its admin port there? `--admin URL` names another';
    throw new CommandError(exitCodes.unreachable, `nobody answers at ${url.host}: ${hint}`, error);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  const { reason, error } = (answer ?? {}) as Refusal;
  throw new CommandError(exitCodes.failed, `${url.host}: ${reason ?? error ?? `it answered ${response.status}`}`);
}
