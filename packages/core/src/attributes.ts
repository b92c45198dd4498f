/** When a message is to be put into its queue, and how often. */
export interface MessageSchedule {
  /** From the time at which it was sent, or at which `cron` says, milliseconds. */
  readonly delayMs: number;
  /** Between repetitions, milliseconds. */
  readonly periodMs: number;
  /** How often again, behind the first time. */
  readonly repeat: number;
  /** A crontab's five fields (minute, hour, day of the month, month, day of the week); empty: none. */
  readonly cron: string;
}

/** What a message's sender asks the broker for, beside bringing it to its destination. Read from its headers by the protocol side. */
export interface MessageAttributes {
  /** 0 to 9, the highest first; null: nothing was said, and it counts as `defaultPriority`. */
  readonly priority: number | null;
  /** From then on nobody is to get it, milliseconds since the epoch; 0: never. */
  readonly expiresAtMs: number;
  /** In place of `expiresAtMs`, of a message that is handed in: from its timestamp on, milliseconds; 0: it is not so meant. Never of a message that has a timestamp. */
  readonly ttlMs: number;
  /** Messages of one group go to one consumer; empty: of none. */
  readonly group: string;
  /** 0: nothing was said; -1 closes the group. */
  readonly groupSequence: number;
  /** Of several messages with the same one only the first counts; empty: none. */
  readonly duplicateId: string;
  /** Whether the sender wants it kept, in its own words. */
  readonly persistence: 'yes' | 'no' | 'unsaid';
  readonly schedule: MessageSchedule | null;
}

export const priorityMax = 9;
export const defaultPriority = 4;

/** Nothing is asked for. A message without attributes has `null`, which is the same. */
export const noAttributes: MessageAttributes = {
  priority: null,
  expiresAtMs: 0,
  ttlMs: 0,
  group: '',
  groupSequence: 0,
  duplicateId: '',
  persistence: 'unsaid',
  schedule: null,
};

/** As they are of a message that was taken at that time. */
export function withTimestamp(attributes: MessageAttributes | null, timestampMs: number): MessageAttributes | null {
  if (attributes === null || attributes.ttlMs === 0) return attributes;
  return { ...attributes, expiresAtMs: timestampMs + attributes.ttlMs, ttlMs: 0 };
}
