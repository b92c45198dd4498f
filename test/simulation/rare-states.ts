/**
 * Rare states to which the short campaign of the gate must come: a change of the code or of the scenario by which one of them is never
 * reached any more makes the silence of all its seeds worthless. The long campaign's table shows more.
 */
export const rareStates: readonly string[] = [
  'clients passed on',
  'compactions done',
  'crashes of a member that has no vote since its disk was damaged',
  'crashes while a snapshot is written',
  'damaged records fetched from others',
  'hand-overs',
  'journals cut before damage, vote given up',
  'journals void',
  'leaders fallen silent',
  'leaders seen dead',
  'leaders without a majority',
  'membership: changes begun',
  'nodes ended by their disk',
  'programs upgraded at a restart',
  'repairs under load',
  'SENDs refused for want of room',
  'snapshots installed',
  'snapshots interrupted by a crash',
  'snapshots: live records fetched',
  'suffixes replaced',
  'torn tails cut',
  'votes regained',
  'wiped disks joined',
];
