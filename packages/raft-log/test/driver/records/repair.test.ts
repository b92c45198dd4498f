import t from 'tap';

import { TransferBench } from '../snapshots/bench.ts';

/** A member that has records in retired segments and in store files, and does not run. */
async function prepared(seed: string): Promise<{ readonly bench: TransferBench; readonly victim: string }> {
  const bench = await TransferBench.founded(seed);
  await bench.fill(100);
  const [victim = ''] = bench.followers;
  // What it is sent makes store files; what comes afterwards, retired segments.
  bench.wipe(victim);
  bench.cluster.start(victim);
  await bench.caughtUp(victim);
  await bench.fill(200, 'keep late');
  await bench.caughtUp(victim);
  return { bench, victim };
}

/** Flips a bit in the middle of the body of every so many live records that stand in files of that directory. */
function rotBodies(bench: TransferBench, victim: string, directory: string, every: number): number {
  const { device } = bench.cluster.world.host(victim);
  let count = 0;
  for (const name of bench.files(victim, directory)) {
    const path = `${directory}/${name}`;
    const content = Buffer.from(device.contentOf(path));
    for (let at = content.indexOf('keep'); at !== -1; at = content.indexOf('keep', at + 1)) {
      count += 1;
      if (count % every === 0) device.rot(path, at + 20, 0x10);
    }
  }
  return Math.floor(count / every);
}

t.test('damaged records are fetched from other members while they are read, and stay repaired', async (t) => {
  const { bench, victim } = await prepared('repair 1');
  t.ok(rotBodies(bench, victim, 'records', 5) > 10);
  t.same(await bench.read(victim), bench.truth(), 'nothing lost, nothing wrong');
  const named = bench.said(victim, /records\/\S+ is damaged at byte \d+ \(the record of entry \d+\): .* fetched/);
  const files = new Set(named.map((line) => /records\/\S+/.exec(line)?.[0]));
  t.ok(named.length > 0 && named.length === files.size, 'each file is named once');
  t.equal(bench.said(victim, /records\/\S+, damaged at byte \d+, is repaired/).length, files.size);
  t.same(await bench.readBack(victim), bench.truth(), 'without the others, from its own disk');
});

t.test('all of the record store is damaged or missing: a start fetches it anew', async (t) => {
  for (const how of ['removed', 'tables', 'bodies'] as const) {
    const { bench, victim } = await prepared(`repair 2 ${how}`);
    const { device } = bench.cluster.world.host(victim);
    bench.cluster.kill(victim);
    for (const name of bench.files(victim, 'records')) {
      const path = `records/${name}`;
      if (how === 'removed') device.remove(path);
      if (how === 'tables') device.rot(path, device.contentOf(path).length - 10);
    }
    if (how === 'bodies') rotBodies(bench, victim, 'records', 1);
    bench.cluster.start(victim);
    t.ok(await bench.caughtUp(victim), bench.cluster.story());
    t.same(await bench.read(victim), bench.truth(), how);
    t.same(await bench.readBack(victim), bench.truth(), `${how}: from its own disk`);
  }
});

t.test('what is missing comes without being asked for', async (t) => {
  const { bench, victim } = await prepared('repair 3');
  bench.cluster.kill(victim);
  const { device } = bench.cluster.world.host(victim);
  for (const name of bench.files(victim, 'records')) if (name.endsWith('.store')) device.remove(`records/${name}`);
  bench.cluster.start(victim);
  await bench.caughtUp(victim);
  await bench.cluster.pass(5000);
  t.same(await bench.readBack(victim), bench.truth());
});

t.test('a record that is damaged on all members is lost, and the log says so; all others are there', async (t) => {
  const { bench, victim } = await prepared('repair 4');
  for (const name of bench.cluster.names) {
    const { device } = bench.cluster.world.host(name);
    for (const file of device.files.filter(({ path }) => path.startsWith('records/'))) {
      const at = Buffer.from(device.contentOf(file.path)).indexOf('keep 4 ');
      if (at !== -1) device.rot(file.path, at + 2);
    }
  }
  const [found, truth] = [await bench.read(victim), bench.truth()];
  const wrong = [...truth].filter(([position, text]) => found.get(position) !== text);
  t.equal(wrong.length, 1);
  t.match(wrong[0]?.[1], /^keep 4 /);
  t.equal(found.get(wrong[0]?.[0] ?? 0), 'lost');
  t.match(bench.said(victim, /ERROR/).join(), /records\/\S+ is damaged at byte \d+ .* no member has an intact copy/);
});
