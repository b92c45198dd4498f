import type { Explanation, Reason } from '../node/explain/types.ts';
import { parseSubject, subjectForms } from '../node/explain/subject.ts';
import { adminUrlOf, askAdmin } from './admin-client.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

export interface ExplainFlags {
  readonly admin?: string;
  readonly json?: boolean;
}

/** For people. */
export function showExplanation({ subject, by, confirmed, summary, reasons }: Explanation): string {
  const view = confirmed ? `the master, node ${by}, says` : `what node ${by} last knew, without a master`;
  const lines = reasons.map(({ text }: Reason) => `- ${text}`);
  return [`${subject}: ${summary} (${view})`, ...lines].join('\n');
}

export async function explain(subject: string, flags: ExplainFlags): Promise<void> {
  const url = adminUrlOf(flags.admin);
  if (parseSubject(subject) === null) throw new CommandError(exitCodes.usage, `'${subject}': ${subjectForms}`);
  const path = `/api/v1/explain?subject=${encodeURIComponent(subject)}`;
  const answer = (await askAdmin(url, 'GET', path)) as Explanation;
  console.log(flags.json === true ? JSON.stringify(answer) : showExplanation(answer));
}
