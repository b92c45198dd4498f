const scheme = 'URI:lockstep://';

/**
 * Whether a certificate is that of a node. One that has URIs of the form `lockstep://BROKER/NODE` is good for just those, which lets
 * several logical brokers share an authority; any other is good for the node whose id is its common name or one of its DNS names.
 */
export function certifies(names: readonly string[], broker: string, node: string): boolean {
  const precise = names.filter((name) => name.startsWith(scheme));
  if (precise.length > 0) return precise.includes(`${scheme}${broker}/${node}`);
  return names.includes(`CN:${node}`) || names.includes(`DNS:${node}`);
}
