import type { PermissionRule } from './permission-rules.ts';

export interface UserSettings {
  readonly name: string;
  /** See `PasswordHash`; null: only by certificate. */
  readonly password: string | null;
  readonly groups: readonly string[];
}

/** What the configuration says of who may come in and do what. */
export interface SecuritySettings {
  /** None: any login is taken. */
  readonly users: readonly UserSettings[];
  /** Null: every user may do everything. */
  readonly permissions: readonly PermissionRule[] | null;
  /** Names for CONNECT's `host`; null: any. */
  readonly hosts: readonly string[] | null;
}

/** Who sends no login where a listener is `anonymous` is in this group alone. */
export const ANONYMOUS_GROUP = 'anonymous';
