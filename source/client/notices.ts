/** What is said beside a word's own output: the coordinator went away, or is there again. */
import { type Output, printLine } from './io.ts';

export interface Notices {
  say(line: string): void;
  /** Gives them to `take` until the returned function is called: somebody has the whole screen. */
  divert(take: (line: string) => void): () => void;
}

/** Returns notices that are lines of `output`; a line of progress there makes room. */
export function noticesOn(output: Output): Notices {
  let diverted: ((line: string) => void) | null = null;
  const print = async (line: string): Promise<void> => {
    if (output.isTerminal) await output.write('\r\x1b[K');
    await printLine(output, `lbtop: ${line}`);
  };
  return {
    say(line) {
      if (diverted !== null) diverted(line);
      else print(line).catch(() => {}); // nobody reads it
    },
    divert(take) {
      diverted = take;
      return () => {
        diverted = null;
      };
    },
  };
}
