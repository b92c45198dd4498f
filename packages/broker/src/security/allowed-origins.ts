/** `https://app.example:8443`, as browsers write it; `*` is any. Undefined when it is no such thing. */
export function parseOrigin(text: string): string | undefined {
  if (text === '*' || text === 'null') return text;
  if (!/^https?:\/\/[^\s/?#@]+$/i.test(text)) return undefined;
  try {
    return new URL(text).origin;
  } catch {
    return undefined;
  }
}

/**
 * Which pages may open a WebSocket; who is no browser names no origin, and is not asked. Where nothing is said: of this machine alone, if anybody
 * may log in (else any page that the machine's user looks at could); any page, if a login is asked for.
 */
export function allowedOrigins(allowed: readonly string[] | null, anonymous: boolean): (origin: string) => boolean {
  if (allowed === null) return anonymous ? isOfThisMachine : () => true;
  if (allowed.includes('*')) return () => true;
  const origins = new Set(allowed);
  return (origin) => origins.has(parseOrigin(origin) ?? '');
}

function isOfThisMachine(origin: string): boolean {
  if (parseOrigin(origin) === undefined || !URL.canParse(origin)) return false;
  const { hostname } = new URL(origin);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
