import { StreamRules } from '../../src/index.ts';

const broken = (rules: Partial<StreamRules>): StreamRules => Object.assign(new StreamRules(), rules);

/** Rules broken, one for each thing that they are for. `from`: where the hunt begins, for those that need much to come together. */
export const mutants: readonly { readonly name: string; readonly rules: StreamRules; readonly from: number }[] = [
  {
    name: 'the epoch is used again after a crash',
    from: 0,
    rules: broken({ epochOf: (open, _run, position) => open?.epoch ?? position }),
  },
  {
    name: 'a hole in the numbers is let pass',
    from: 0,
    rules: broken({
      takesNumber: (last, number) => number > last,
      resendFrom: (applied) => applied + 2,
    }),
  },
  {
    name: 'what is sent again does not begin at the watermark',
    from: 0,
    rules: broken({ resendFrom: (applied) => applied + 2 }),
  },
  {
    name: 'an attachment leaves out what was acknowledged above the watermark',
    from: 0,
    rules: broken({
      heldForAttach: (settling) => !settling,
    }),
  },
  { name: 'the dispatcher starts before the attachments', from: 0, rules: broken({ mayStart: () => true }) },
  { name: 'the lease is ignored', from: 0, rules: broken({ leaseOver: () => true }) },
  {
    name: 'a node that lost its lease holds what it names all the same',
    from: 200,
    rules: broken({ takesHeld: () => true }),
  },
  { name: 'the acknowledgement of the old holder is dropped', from: 10, rules: broken({ takesLate: () => false }) },
  {
    name: 'the acknowledgement of the old holder takes the message from the new one',
    from: 40,
    rules: broken({ takesLate: () => true }),
  },
  {
    name: 'what follows a refused message is let pass',
    from: 0,
    rules: broken({ refusesBehind: () => false }),
  },
];
