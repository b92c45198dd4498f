/** So far apart they are asked for at once: what lies between comes along. */
const gapMax = 16;
const spanMax = 1024;

/** Positions in groups of neighbours, ascending. */
export function groupPositions(positions: readonly number[]): readonly (readonly number[])[] {
  const groups: number[][] = [];
  for (const position of [...positions].sort((one, other) => one - other)) {
    const group = groups.at(-1);
    const near = group !== undefined && position - group.at(-1)! <= gapMax && position - group[0]! < spanMax;
    if (near) group.push(position);
    else groups.push([position]);
  }
  return groups;
}
