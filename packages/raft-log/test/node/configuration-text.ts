import type { NodeId } from '@lockstep/kernel';
import { configurationOf } from '../../src/node/index.ts';
import type { Configuration } from '../../src/node/index.ts';

/** `ab`: a and b vote. `abd<abc`: joint, abc before. `ab+de`: d and e learn. `ab=abd`: who shall vote. `abw~w`: w is a witness. */
export function configurationText(configuration: Configuration): string {
  const { voters, votersOutgoing, votersNext, learners, witnesses } = configuration;
  const part = (sign: string, ids: readonly string[]): string => (ids.length > 0 ? sign + ids.join('') : '');
  const rest = part('<', votersOutgoing) + part('+', learners) + part('=', votersNext) + part('~', witnesses);
  return `${voters.join('')}${rest}`;
}

export function parseConfiguration(text: string): Configuration {
  const part = (sign: string): NodeId[] => idsOf(new RegExp(`[${sign}]([a-z]*)`).exec(text)?.[1]);
  return {
    ...configurationOf(idsOf(/^[a-z]*/.exec(text)?.[0])),
    votersOutgoing: part('<'),
    learners: part('+'),
    votersNext: part('='),
    witnesses: part('~'),
  };
}

function idsOf(letters: string | undefined): NodeId[] {
  return (letters ?? '').split('') as NodeId[];
}
