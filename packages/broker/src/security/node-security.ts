import type { Access, AccessControl, Admission, Claim, Claimant, Permission } from '@lockstep/stomp-server';

import { LoginMemory } from './login-memory.ts';
import { parsePasswordHash, PASSWORD_COST } from './password-hash.ts';
import type { PasswordHash } from './password-hash.ts';
import { PasswordQueue } from './password-queue.ts';
import type { PasswordHasher, PasswordQueueLimits } from './password-queue.ts';
import { PermissionRules } from './permission-rules.ts';
import { ANONYMOUS_GROUP } from './security-settings.ts';
import type { SecuritySettings, UserSettings } from './security-settings.ts';

/** Compared with where there is no user of that name, so that this takes as long. */
const NOBODYS: PasswordHash = { ...PASSWORD_COST, salt: new Uint8Array(16), hash: new Uint8Array(32) };

/** How somebody came in. `freely`: no users were configured. */
type Entry = 'freely' | 'anonymously' | 'by certificate' | 'by password';

export interface Door {
  /** Who sends no login is let in through this listener, though there are users. */
  readonly anonymous: boolean;
  /** Is that queue there already? */
  readonly exists: (destination: string) => boolean;
}

/** The users and permissions of one node, which may change while it runs. */
export class NodeSecurity {
  readonly #hasher: PasswordHasher;
  readonly #queue: PasswordQueue;
  readonly #memory = new LoginMemory();
  readonly #listeners: (() => void)[] = [];
  #users: ReadonlyMap<string, UserSettings> = new Map();
  #rules: PermissionRules | null = null;
  #hosts: readonly string[] | null = null;
  #generation = 0;

  constructor(settings: SecuritySettings, hasher: PasswordHasher, limits?: PasswordQueueLimits) {
    this.#hasher = hasher;
    this.#queue = new PasswordQueue(hasher, limits);
    this.#take(settings);
  }

  /** Another number with each `reload`. */
  get generation(): number {
    return this.#generation;
  }

  /** Counts from now on, for those who are here too. */
  reload(settings: SecuritySettings): void {
    this.#take(settings);
    this.#memory.passwordsChanged();
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Who comes in through one listener. */
  at(door: Door): AccessControl {
    return { admit: (claim, from, answer) => this.#admit(door, claim, from, answer) };
  }

  user(name: string): UserSettings | undefined {
    return this.#users.get(name);
  }

  get hasUsers(): boolean {
    return this.#users.size > 0;
  }

  lacking(
    groups: readonly string[],
    wanted: 'read' | 'write',
    destination: string,
    exists: Door['exists'],
  ): Permission | null {
    return this.#rules === null ? null : this.#rules.lacking(groups, wanted, destination, exists);
  }

  #take({ users, permissions, hosts }: SecuritySettings): void {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#rules = permissions === null ? null : new PermissionRules(permissions);
    this.#hosts = hosts;
    this.#generation += 1;
  }

  #admit(door: Door, claim: Claim, from: Claimant, answer: (admission: Admission) => void): () => void {
    const { login, passcode } = claim;
    const inPlace = this.#admitInPlace(door, claim, from);
    if (inPlace !== null || login === undefined || passcode === undefined) {
      answer(inPlace ?? refused('this broker asks for a login and a passcode'));
      return () => {};
    }
    return this.#compare(door, login, passcode, from.remote.host, answer);
  }

  /** Whoever can be judged without looking at a passcode. */
  #admitInPlace(door: Door, { login, passcode, host }: Claim, from: Claimant): Admission | null {
    if (this.#hosts !== null && host !== undefined && !this.#hosts.includes(host)) {
      return refused(`this broker does not serve host ${shorten(host)}`);
    }
    const certified = commonNames(from);
    if (!this.hasUsers) return this.#enter(door, 'freely', login ?? certified[0] ?? null);
    const name = passcode === undefined ? certified.find((one) => this.#users.has(one)) : undefined;
    if (name !== undefined && (login === undefined || login === name)) return this.#enter(door, 'by certificate', name);
    return door.anonymous && login === undefined ? this.#enter(door, 'anonymously', null) : null;
  }

  #compare(
    door: Door,
    login: string,
    passcode: string,
    host: string,
    answer: (admission: Admission) => void,
  ): () => void {
    const password = this.#users.get(login)?.password ?? null;
    const fingerprint = this.#hasher.fingerprint(login, passcode);
    let asking = true;
    const judge = (matches: boolean): void => {
      if (!asking) return;
      asking = false;
      answer(matches ? this.#enter(door, 'by password', login) : wrongLogin(login));
    };
    const recall = (): boolean => {
      const known = this.#memory.recall(fingerprint, password);
      if (known !== undefined) judge(known);
      return known !== undefined;
    };
    if (recall()) return () => {};
    const takeBack = this.#queue.add(host, {
      password: passcode,
      hash: (password === null ? undefined : parsePasswordHash(password)) ?? NOBODYS,
      settled: recall,
      done: (matched) => {
        const matches = matched && password !== null;
        this.#memory.remember(fingerprint, password, matches);
        // It may have changed meanwhile.
        judge(matches && this.#users.get(login)?.password === password);
      },
    });
    if (takeBack === null) {
      asking = false;
      answer({ verdict: 'overloaded', message: 'too many logins wait to be judged' });
      return () => {};
    }
    return () => {
      asking = false;
      takeBack();
    };
  }

  #enter(door: Door, entry: Entry, name: string | null): Admission {
    const password = name === null ? null : (this.#users.get(name)?.password ?? null);
    return { verdict: 'admitted', access: new GivenAccess(this, door, entry, name, password) };
  }
}

/** What somebody may do who is here, by what the configuration says at the time. */
class GivenAccess implements Access {
  readonly user: string | null;
  readonly #security: NodeSecurity;
  readonly #door: Door;
  readonly #entry: Entry;
  readonly #password: string | null;

  constructor(security: NodeSecurity, door: Door, entry: Entry, user: string | null, password: string | null) {
    this.#security = security;
    this.#door = door;
    this.#entry = entry;
    this.user = user;
    this.#password = password;
  }

  get generation(): number {
    return this.#security.generation;
  }

  get revoked(): string | null {
    const known = this.#security.user(this.user ?? '');
    switch (this.#entry) {
      case 'freely':
        return this.#security.hasUsers ? 'This broker has users now: log in as one of them' : null;
      case 'anonymously':
        return null;
      case 'by certificate':
        return known === undefined ? `There is no user ${this.user ?? ''} any more` : null;
      case 'by password':
        if (known === undefined) return `There is no user ${this.user ?? ''} any more`;
        return known.password === this.#password ? null : `The passcode of ${known.name} has changed: log in again`;
    }
  }

  lacks(wanted: 'read' | 'write', destination: string): Permission | null {
    if (this.#entry === 'freely') return null;
    const groups = this.user === null ? [ANONYMOUS_GROUP] : (this.#security.user(this.user)?.groups ?? []);
    return this.#security.lacking(groups, wanted, destination, this.#door.exists);
  }
}

function refused(why: string): Admission {
  return { verdict: 'refused', message: `CONNECT: ${why}` };
}

/** The same for a user who is not there and for a wrong passcode. */
function wrongLogin(login: string): Admission {
  return refused(`no user ${shorten(login)} with this passcode`);
}

function commonNames({ certifiedNames }: Claimant): readonly string[] {
  return (certifiedNames ?? []).filter((name) => name.startsWith('CN:')).map((name) => name.slice(3));
}

function shorten(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, '.');
  return clean.length > 60 ? `${clean.slice(0, 60)}…` : clean;
}
