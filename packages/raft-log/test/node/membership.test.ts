import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { configurationOf, isConfiguration } from '../../src/node/configuration.ts';
import { changed } from '../../src/node/membership.ts';

const id = (name: string): NodeId => name as NodeId;

t.test('a learner that is waited for already can be promoted again', (t) => {
  const address = 'd:1';
  const add = [{ id: id('d'), role: 'voter' as const, witness: false, address }];
  const waiting = changed(configurationOf([id('a'), id('b'), id('c')]), { add });
  if (typeof waiting === 'string') throw new Error(waiting);
  const again = changed(waiting, { promote: [id('d')] });
  t.same(again, waiting);
  t.ok(typeof again !== 'string' && isConfiguration(again), 'one that the others take');
  t.end();
});
