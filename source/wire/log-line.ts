/** The lines of the logs of coordinators and nodes. */

/** `text`: the time and the message. `json`: an object a line, for what collects logs. */
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** What a program that reads the log can go by, beside the message; `level` is `info` where it is not said. */
export interface LogFields {
  readonly level?: 'info' | 'warn' | 'error';
  /** What happened, in the words of the facts: `node-joined`. */
  readonly event?: string;
  readonly [name: string]: string | number | boolean | null | undefined;
}

/** Takes one line. */
export type Log = (message: string, fields?: LogFields) => void;

/** Controls, line ends, what turns the direction of writing, what cannot be seen: a message may quote what others wrote. */
const harmful = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;

/**
 * Returns a line without its end; `at` in ms since the epoch. Nothing in it is obeyed by a terminal, and no message can look
 * like two lines.
 */
export function logLine(format: LogFormat, at: number, message: string, fields: LogFields = {}): string {
  const time = new Date(at).toISOString();
  if (format === 'text') return visible(`${time} ${message}`);
  const { level = 'info', ...more } = fields;
  return visible(JSON.stringify({ time, level, message, ...more }));
}

function visible(line: string): string {
  return line.replace(harmful, (odd) => {
    const code = odd.codePointAt(0) as number;
    return code > 0xffff ? '\ufffd' : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
