import type { Access, Admission, Claim, Permission } from '@lockstep/stomp-server';
import t from 'tap';

import { NodeSecurity } from '../../src/security/node-security.ts';
import { formatPasswordHash, parsePasswordHash, PASSWORD_COST } from '../../src/security/password-hash.ts';
import type { PasswordHash } from '../../src/security/password-hash.ts';
import type { PasswordHasher, PasswordQueueLimits } from '../../src/security/password-queue.ts';
import type { SecuritySettings } from '../../src/security/security-settings.ts';

/** A hash that begins with the password itself: what is compared is for the test to see and to answer. */
function hashOf(password: string): string {
  const hash = Buffer.alloc(32);
  hash.write(password);
  return formatPasswordHash({ ...PASSWORD_COST, salt: new Uint8Array(16), hash });
}

class FakeHasher implements PasswordHasher {
  /** Asked for and not answered yet. */
  readonly asked: { readonly password: string; readonly hash: PasswordHash; answer(): void }[] = [];
  total = 0;

  matches(password: string, hash: PasswordHash, done: (matches: boolean) => void): void {
    this.total += 1;
    const matches = Buffer.from(hash.hash).toString().startsWith(`${password}\0`);
    this.asked.push({ password, hash, answer: () => done(matches) });
  }

  fingerprint(login: string, password: string): string {
    return `${login} ${password}`;
  }

  /** Answers all that are asked, also those that follow. */
  settle(): void {
    for (let next = this.asked.shift(); next !== undefined; next = this.asked.shift()) next.answer();
  }
}

const settings: SecuritySettings = {
  users: [
    { name: 'ann', password: hashOf('secret'), groups: ['ops'] },
    { name: 'bob', password: null, groups: [] },
  ],
  permissions: null,
  hosts: null,
};

class Bench {
  readonly hasher = new FakeHasher();
  readonly security: NodeSecurity;

  constructor(more: Partial<SecuritySettings> = {}, limits?: PasswordQueueLimits) {
    this.security = new NodeSecurity({ ...settings, ...more }, this.hasher, limits);
  }

  knock(
    claim: Partial<Claim>,
    from: { readonly host?: string; readonly names?: readonly string[]; readonly anonymous?: boolean } = {},
  ): { answer: Admission | null; takeBack: () => void } {
    const knocked: { answer: Admission | null; takeBack: () => void } = { answer: null, takeBack: () => {} };
    const door = this.security.at({ anonymous: from.anonymous ?? false, exists: () => true });
    const whole = { login: undefined, passcode: undefined, host: undefined, ...claim };
    const claimant = { remote: { host: from.host ?? 'h', port: 1 }, certifiedNames: from.names };
    knocked.takeBack = door.admit(whole, claimant, (admission) => (knocked.answer = admission));
    return knocked;
  }

  /** The answer, once all is computed. */
  told(...knock: Parameters<Bench['knock']>): string {
    const knocked = this.knock(...knock);
    this.hasher.settle();
    const { answer } = knocked;
    if (answer === null) return 'none';
    return answer.verdict === 'admitted' ? `as ${answer.access.user ?? 'nobody'}` : answer.message;
  }

  access(...knock: Parameters<Bench['knock']>): Access {
    const knocked = this.knock(...knock);
    this.hasher.settle();
    if (knocked.answer?.verdict !== 'admitted') throw new Error('not admitted');
    return knocked.answer.access;
  }
}

t.test('without users any login is taken, and may do everything', (t) => {
  const bench = new Bench({ users: [] });
  t.equal(bench.told({}), 'as nobody');
  t.equal(bench.told({ login: 'x', passcode: 'y' }), 'as x');
  t.equal(bench.access({}).lacks('write', '/queue/a'), null);
  t.equal(bench.hasher.total, 0);
  t.end();
});

t.test('with users: the right passcode, and the same words for a wrong one and an unknown name', (t) => {
  const bench = new Bench();
  t.equal(bench.told({ login: 'ann', passcode: 'secret' }), 'as ann');
  t.equal(bench.told({ login: 'ann', passcode: 'wrong' }), 'CONNECT: no user ann with this passcode');
  t.equal(bench.told({ login: 'eve', passcode: 'wrong' }), 'CONNECT: no user eve with this passcode');
  t.equal(bench.told({ login: 'bob', passcode: 'x' }), 'CONNECT: no user bob with this passcode', 'he has none');
  t.equal(bench.hasher.total, 4, 'each takes as long');
  t.equal(bench.told({ login: 'ann' }), 'CONNECT: this broker asks for a login and a passcode');
  t.equal(bench.told({}), 'CONNECT: this broker asks for a login and a passcode');
  t.end();
});

t.test('a name that is nobody’s is not answered before its passcode has been compared, and never let in', (t) => {
  const bench = new Bench();
  t.equal(bench.knock({ login: 'mallory', passcode: 'x' }).answer, null);
  t.equal(bench.told({ login: 'eve', passcode: '' }), 'CONNECT: no user eve with this passcode');
  t.end();
});

t.test('a listener that says so lets in who sends no login, as nobody, in a group of its own', (t) => {
  const permissions = [{ match: '/topic/news', read: ['anonymous'], write: ['ops'], create: null }];
  const bench = new Bench({ permissions });
  const door = { anonymous: true };
  t.equal(bench.told({}, door), 'as nobody');
  t.equal(bench.access({}, door).lacks('read', '/topic/news'), null);
  t.equal(bench.access({}, door).lacks('write', '/topic/news'), 'write');
  t.equal(bench.told({ login: 'ann', passcode: 'wrong' }, door), 'CONNECT: no user ann with this passcode');
  t.equal(bench.access({ login: 'ann', passcode: 'secret' }, door).lacks('write', '/topic/news'), null);
  t.end();
});

t.test('a checked certificate stands for the login of the user that it names', (t) => {
  const bench = new Bench();
  t.equal(bench.told({}, { names: ['CN:bob', 'DNS:ann'] }), 'as bob');
  t.equal(bench.told({ login: 'bob' }, { names: ['CN:bob'] }), 'as bob');
  t.match(bench.told({ login: 'ann' }, { names: ['CN:bob'] }), /asks for a login/, 'no one else’s');
  t.match(bench.told({}, { names: ['CN:eve'] }), /asks for a login/, 'who is no user');
  t.match(bench.told({}, { names: ['DNS:bob'] }), /asks for a login/);
  t.equal(bench.told({ login: 'ann', passcode: 'secret' }, { names: ['CN:bob'] }), 'as ann', 'a passcode counts more');
  t.equal(new Bench({ users: [] }).told({}, { names: ['CN:eve'] }), 'as eve');
  t.end();
});

t.test('hosts', (t) => {
  const bench = new Bench({ users: [], hosts: ['a.example'] });
  t.equal(bench.told({ host: 'a.example' }), 'as nobody');
  t.equal(bench.told({}), 'as nobody', 'who names none');
  t.equal(bench.told({ host: 'b.example' }), 'CONNECT: this broker does not serve host b.example');
  t.end();
});

t.test('one hash at a time; hosts take turns, so a flood from one waits for itself', (t) => {
  const bench = new Bench();
  for (let i = 0; i < 50; i += 1) bench.knock({ login: 'x', passcode: `guess ${i}` }, { host: 'flood' });
  const ann = bench.knock({ login: 'ann', passcode: 'secret' }, { host: 'home' });
  t.equal(bench.hasher.asked.length, 1);
  bench.hasher.asked.shift()!.answer();
  bench.hasher.asked.shift()!.answer();
  t.equal(ann.answer, null);
  bench.hasher.asked.shift()!.answer();
  t.equal((ann.answer as Admission | null)?.verdict, 'admitted', 'behind two of them, not fifty');
  t.end();
});

t.test('too many from a host, or from all: overloaded, which is no refusal', (t) => {
  const bench = new Bench({}, { perHost: 2, all: 3 });
  const knock = (host: string, n: number): Admission | null =>
    bench.knock({ login: 'ann', passcode: `${n}` }, { host }).answer;
  t.same(
    [1, 2, 3].map((n) => knock('a', n)),
    [null, null, null],
    'one is being computed',
  );
  t.match(knock('a', 4), { verdict: 'overloaded' });
  t.equal(knock('b', 5), null);
  t.match(knock('b', 6), { verdict: 'overloaded' });
  bench.hasher.settle();
  t.equal(knock('b', 7), null, 'it has passed');
  t.end();
});

t.test('what is known is not computed again: a right login, and the same wrong one', (t) => {
  const bench = new Bench();
  const many = Array.from({ length: 100 }, () => bench.knock({ login: 'ann', passcode: 'secret' }));
  bench.hasher.settle();
  t.ok(many.every(({ answer }) => answer?.verdict === 'admitted'));
  t.equal(bench.hasher.total, 1, 'also for those who waited meanwhile');
  t.equal(bench.told({ login: 'ann', passcode: 'secret' }), 'as ann');
  for (let i = 0; i < 10; i += 1) bench.told({ login: 'ann', passcode: 'wrong' });
  t.equal(bench.hasher.total, 2);
  t.end();
});

t.test('a question that is taken back is not answered, and costs nothing if its turn had not come', (t) => {
  const bench = new Bench();
  const first = bench.knock({ login: 'ann', passcode: 'one' });
  const second = bench.knock({ login: 'ann', passcode: 'two' });
  first.takeBack();
  second.takeBack();
  bench.hasher.settle();
  t.same([first.answer, second.answer], [null, null]);
  t.equal(bench.hasher.total, 1);
  t.end();
});

t.test('new users and permissions count at once, for those who are here too', (t) => {
  const bench = new Bench({ users: [] });
  const free = bench.access({ login: 'eve' });
  let told = 0;
  bench.security.onChange(() => (told += 1));
  const { generation } = free;
  bench.security.reload(settings);
  t.equal(told, 1);
  t.not(free.generation, generation);
  t.match(free.revoked, /has users now/);
  const ann = bench.access({ login: 'ann', passcode: 'secret' });
  const bob = bench.access({}, { names: ['CN:bob'] });
  t.same([ann.revoked, bob.revoked], [null, null]);
  bench.told({ login: 'ann', passcode: 'new' });
  const changed = { ...settings.users[0]!, password: hashOf('new'), groups: ['shop'] };
  const permissions = [{ match: '/queue/>', read: ['ops'], write: ['shop'], create: null }];
  bench.security.reload({ ...settings, users: [changed], permissions });
  t.match(ann.revoked, /passcode of ann has changed/);
  t.match(bob.revoked, /no user bob any more/);
  const lacking = (): (Permission | null)[] => [ann.lacks('read', '/queue/a'), ann.lacks('write', '/queue/a')];
  t.same(lacking(), ['read', null], 'by his groups of now');
  t.equal(bench.told({ login: 'ann', passcode: 'secret' }), 'CONNECT: no user ann with this passcode');
  t.equal(bench.told({ login: 'ann', passcode: 'new' }), 'as ann', 'which was wrong before');
  t.end();
});

t.test('a password that changes while it is compared does not let in who knew the old one', (t) => {
  const bench = new Bench();
  const knocked = bench.knock({ login: 'ann', passcode: 'secret' });
  bench.security.reload({ ...settings, users: [{ ...settings.users[0]!, password: hashOf('new') }] });
  bench.hasher.settle();
  t.equal(knocked.answer?.verdict, 'refused');
  t.end();
});

t.test('hashes that would take too much, or are none', (t) => {
  const good = hashOf('x');
  t.ok(parsePasswordHash(good));
  t.equal(formatPasswordHash(parsePasswordHash(good)!), good);
  for (const bad of [
    'secret',
    good.replace('ln=14', 'ln=30'),
    good.replace('ln=14', 'ln=1'),
    good.replace('r=8', 'r=99'),
    good.replace('p=1', 'p=17'),
    good.replace('p=1', 'p=0'),
    good.slice(0, 40),
    `${good}=`,
  ]) {
    t.equal(parsePasswordHash(bad), undefined, bad);
  }
  t.end();
});
