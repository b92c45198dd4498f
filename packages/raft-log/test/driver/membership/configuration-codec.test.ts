import type { NodeId } from '@lockstep/kernel';
import { Packr } from 'msgpackr';
import t from 'tap';
import { decodeConfiguration, encodeConfiguration } from '../../../src/driver/membership/configuration-codec.ts';
import { makeConfigurationEntry, makeEntry, parseRecords } from '../../../src/driver/storage/index.ts';
import { configurationOf } from '../../../src/node/index.ts';
import type { Configuration } from '../../../src/node/index.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'] as [NodeId, NodeId, NodeId, NodeId];
const joint: Configuration = {
  voters: [a, d],
  votersOutgoing: [a, b],
  votersNext: [a, c, d],
  learners: [c],
  witnesses: [d],
  addresses: { a: '127.0.0.1:61619', c: '[::1]:61619' },
  level: 2,
};

t.test('a configuration comes out as it went in', async (t) => {
  t.same(decodeConfiguration(encodeConfiguration(joint)), joint);
  t.same(decodeConfiguration(encodeConfiguration(configurationOf([a]))), configurationOf([a]));
});

t.test('what no correct leader makes is refused', async (t) => {
  const wrong: readonly Partial<Configuration>[] = [
    { voters: [] },
    { voters: [a, a] },
    { learners: [b] },
    { votersNext: ['x' as NodeId] },
    { witnesses: ['x' as NodeId] },
    { addresses: { x: 'y:1' } },
    { level: 0 },
    { level: 1.5 },
  ];
  for (const change of wrong) t.equal(decodeConfiguration(encodeConfiguration({ ...joint, ...change })), null);
  const { pack } = new Packr({ useRecords: false });
  for (const value of [
    null,
    7,
    [],
    [1],
    [2, [a], [], [], [], [], [], 1],
    [1, a, [], [], [], [], [], 1],
    { voters: [a] },
  ])
    t.equal(decodeConfiguration(pack(value)), null);
  t.equal(decodeConfiguration(Uint8Array.of(0xc1)), null);
});

t.test('a record of that kind carries it, and one that does not is damaged', async (t) => {
  const entry = makeConfigurationEntry(7, 3, joint);
  t.same(parseRecords(entry.record)[0]?.configuration, joint);
  t.throws(() => parseRecords(makeEntry(8, 3, 2, Uint8Array.of(1, 2, 3)).record), { name: 'RecordError' });
});
