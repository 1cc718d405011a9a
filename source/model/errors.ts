/** Why something was not done, and the exit code that a command then has. */
export type RefusalCode = 'usage' | 'unreachable' | 'refused' | 'failed';

/** Exit codes of the contract. `run` passes on the command's own. */
export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3, refused: 4 } as const;

/** An error that a user can act on: its message is one line that says what was wrong and what to do. */
export class LbtopError extends Error {
  override readonly name = 'LbtopError';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }
}

/** Returns one line for any thrown value. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\s+/g, ' ').trim() || 'unknown error';
}
