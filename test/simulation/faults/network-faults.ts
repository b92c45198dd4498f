import { watchAlone } from './alone.ts';
import { leaderOr, others, shuffled } from './fault.ts';
import type { Faults } from './fault.ts';

export const networkFaults: Faults = {
  isolate(stage) {
    const member = leaderOr(stage);
    if (member === null) return null;
    const { wires } = stage.cluster.world;
    wires.isolate(member.name);
    const stillAlone = watchAlone(stage.cluster, member);
    return () => {
      stillAlone();
      wires.healAll();
    };
  },
  /** It is heard and hears nothing, or the reverse. */
  isolateOneWay(stage) {
    const member = leaderOr(stage);
    if (member === null) return null;
    const { wires } = stage.cluster.world;
    const deaf = stage.random.chance(0.5);
    for (const { name } of others(stage.cluster, member)) {
      if (deaf) wires.cutOneWay(name, member.name);
      else wires.cutOneWay(member.name, name);
    }
    return () => wires.healAll();
  },
  cutFromOne({ cluster, random }) {
    if (cluster.nodes.length === 1) return null;
    const member = random.pick(cluster.nodes);
    const other = random.pick(others(cluster, member));
    const { wires } = cluster.world;
    if (random.chance(0.5)) wires.cutOneWay(member.name, other.name);
    else wires.cut(member.name, other.name);
    return () => wires.heal(member.name, other.name);
  },
  /** Two groups that do not hear each other; clients reach both. */
  partition({ cluster, random }) {
    const nodes = shuffled(cluster.nodes, random);
    if (nodes.length === 1) return null;
    const { wires } = cluster.world;
    const size = 1 + random.below(nodes.length - 1);
    for (const one of nodes.slice(0, size)) for (const other of nodes.slice(size)) wires.cut(one.name, other.name);
    return () => wires.healAll();
  },
  /** Two groups that do not hear each other, and one member that hears both. */
  bridge({ cluster, random }) {
    const [, ...nodes] = shuffled(cluster.nodes, random);
    if (nodes.length < 2) return null;
    const { wires } = cluster.world;
    const size = 1 + random.below(nodes.length - 1);
    for (const one of nodes.slice(0, size)) for (const other of nodes.slice(size)) wires.cut(one.name, other.name);
    return () => wires.healAll();
  },
  breakConnections({ cluster, random }) {
    const member = random.pick(cluster.nodes);
    const other = random.pick([...others(cluster, member).map(({ name }) => name), 'clients']);
    cluster.world.wires.breakConnections(member.name, other);
    return () => {};
  },
  slowLinks({ cluster, random }) {
    const member = random.pick(cluster.nodes);
    const links = others(cluster, member).flatMap((other) => [
      cluster.world.wires.link(member.name, other.name),
      cluster.world.wires.link(other.name, member.name),
    ]);
    for (const link of links) link.latencyMaxMs = random.pick([5, 50, 300]);
    return () => {
      for (const link of links) link.latencyMaxMs = 0.6;
    };
  },
  /** Many packets are lost and come late; many connections break when they do. */
  badLinks({ cluster, random }) {
    const member = random.pick(cluster.nodes);
    const links = others(cluster, member).flatMap((other) => [
      cluster.world.wires.link(member.name, other.name),
      cluster.world.wires.link(other.name, member.name),
    ]);
    const breakChance = random.pick([0, 0.002, 0.02]);
    for (const link of links) {
      link.hiccupChance = 0.2;
      link.hiccupMaxMs = 250;
      link.breakChance = breakChance;
    }
    return () => {
      for (const link of links) {
        link.hiccupChance = 0.005;
        link.hiccupMaxMs = 40;
        link.breakChance = 0;
      }
    };
  },
};

/** What happens to single messages of the members, whatever carries them. */
export const protocolFaults: Faults = {
  strayMessages(stage) {
    const member = leaderOr(stage);
    if (member === null) return null;
    const { cluster, random } = stage;
    const chances = { twice: random.pick([0, 0.05, 0.3]), late: random.pick([0.02, 0.2]) };
    return cluster.strays.begin(member, chances, random.fork(`strays ${cluster.world.simulation.nowMs}`));
  },
};
