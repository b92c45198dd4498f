import type { Behaviour, Section } from './scene.ts';
import type { Server } from './server.ts';

/** The columns, in their order. */
export const columns: readonly Server['name'][] = ['Lockstep', 'ActiveMQ', 'RabbitMQ'];

/** What was observed, by behaviour. */
export type Outcomes = Readonly<Record<Server['name'], ReadonlyMap<string, string>>>;

const unknown = '—';

const preface = `# How Lockstep, ActiveMQ and RabbitMQ behave

What a client sees, as it was observed and not as it is remembered: \`pnpm compatibility --peers --write\` writes this page. It runs one suite
(\`test/compatibility\`) against one node of Lockstep, ActiveMQ 5.17 and RabbitMQ 3.10 (the packages of Debian 12, as they come; ActiveMQ with its
scheduler). Every run of CI observes Lockstep's column anew.

A star behind a body means \`redelivered:true\`. *Goes on*: after the ERROR the connection works as before; *open*: it is open and answers
nothing. *Refused* gives what an ERROR said where none was expected. *Nothing*: nothing came.
`;

/** How many there are, and in how many of them Lockstep does as others do. */
export function summary(sections: readonly Section[], { Lockstep, ActiveMQ, RabbitMQ }: Outcomes): string {
  const rows = sections.flatMap(({ behaviours }) =>
    behaviours.map(({ id }) => [Lockstep.get(id) ?? unknown, ActiveMQ.get(id) ?? unknown, RabbitMQ.get(id) ?? unknown]),
  ) as readonly (readonly [string, string, string])[];
  const alone = rows.filter(([own, ...others]) => !others.includes(own));
  const closed = alone.filter(
    (row) => row[0] === 'ERROR, closed' && row.every((outcome) => outcome.startsWith('ERROR')),
  );
  const refused = alone.filter(([own]) => own.startsWith('refused'));
  const activeMq = rows.filter(([own, other]) => own === other).length;
  const rabbitMq = rows.filter(([own, , other]) => own === other).length;
  return [
    `Of ${rows.length} behaviours, Lockstep's is the same as ActiveMQ's in ${activeMq}, as RabbitMQ's in ${rabbitMq}, and neither's in ${alone.length}:`,
    `in ${closed.length} all three answer with an ERROR and Lockstep closes the connection behind it, in ${refused.length} it refuses what it cannot do.`,
  ].join('\n');
}

/** The page; what nobody has observed yet is a dash. */
export function render(sections: readonly Section[], outcomes: Outcomes): string {
  const parts = sections.map(({ title, behaviours }) => {
    const rows = behaviours.map((behaviour) => {
      const row = columns.map((column) => outcomes[column].get(behaviour.id) ?? unknown);
      const note = new Set(row).size > 1 ? (behaviour.note ?? '') : '';
      return `| ${[`\`${behaviour.id}\``, behaviour.says, ...row, note].map(cell).join(' | ')} |`;
    });
    const head = ['', 'behaviour', ...columns, 'why they differ'];
    return [`## ${title}`, '', `| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...rows, ''].join(
      '\n',
    );
  });
  return [preface, ...parts].join('\n');
}

/** What such a page says. */
export function parse(page: string): Outcomes {
  const maps = columns.map(() => new Map<string, string>());
  for (const line of page.split('\n')) {
    const match = /^\| `([^`]+)` \|/.exec(line);
    if (match === null) continue;
    const cells = line.split(/(?<!\\) ?\| ?/).map((text) => text.replaceAll('\\|', '|'));
    columns.forEach((_, i) => {
      const outcome = cells[3 + i];
      if (outcome !== undefined && outcome !== unknown) maps[i]!.set(match[1]!, outcome);
    });
  }
  return { Lockstep: maps[0]!, ActiveMQ: maps[1]!, RabbitMQ: maps[2]! };
}

/** Those in which servers differ and nothing says why. */
export function unexplained(sections: readonly Section[], outcomes: Outcomes): readonly Behaviour[] {
  return sections.flatMap(({ behaviours }) =>
    behaviours.filter(({ id, note }) => {
      const known = columns.map((column) => outcomes[column].get(id)).filter((outcome) => outcome !== undefined);
      return note === undefined && new Set(known).size > 1;
    }),
  );
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
}
