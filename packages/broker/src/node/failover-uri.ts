/**
 * The URI that names every node of the logical broker, this one first. `others` holds what each other member has said of its own
 * STOMP listeners (comma-separated `host:port`), null where it has not been heard yet.
 */
export function failoverUri(own: readonly string[], others: readonly (string | null)[]): string {
  const addresses = [...own, ...others.flatMap((about) => (about === null || about === '' ? [] : about.split(',')))];
  return `failover:(${addresses.map((address) => `tcp://${address}`).join(',')})`;
}
