/** How a command ends. Scripts rely on these. */
export const exitCodes = { fine: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** Ends the command with a message for people and an exit code; anything else that is thrown is a bug. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}
