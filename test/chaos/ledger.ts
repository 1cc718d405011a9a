/** What tasks write themselves: each appends a line to one ledger when it begins, and one when it ends. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { ResultRow, Status } from '../../source/model/report.ts';

/** Does not end the sleep's shell: what is written is written by the task's own process. */
const script = 'echo "b $1 $LBTOP_ATTEMPT" >> "$2"; sleep "$3"; echo "e $1 $LBTOP_ATTEMPT" >> "$2"; echo "$1"';

/** Returns the command of an array that counts from 0. */
export function ledgerCommand(ledger: string, seconds: number): string[] {
  return ['sh', '-c', script, 'sh', '{#}', ledger, String(seconds)];
}

/** Returns what counts begins and ends in the ledger; it reads each line once. */
export function tally(ledger: string): Disposable & { read(): { begun: number; over: number } } {
  const file = openSync(ledger, 'r');
  const piece = Buffer.alloc(64 * 1024);
  let [begun, over] = [0, 0];
  let fresh = true;
  return {
    read() {
      for (let got = readSync(file, piece); got > 0; got = readSync(file, piece))
        for (const byte of piece.subarray(0, got)) {
          if (fresh && byte === letter.b) begun += 1;
          else if (fresh && byte === letter.e) over += 1;
          fresh = byte === letter.newline;
        }
      return { begun, over };
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

const letter = { b: 98, e: 101, newline: 10 } as const;

export interface Judged {
  /** Tasks without an end in the ledger, or that the coordinator does not call succeeded. */
  lost: number;
  /** Tasks that wrote two ends, or of which the coordinator has other results than they wrote. */
  counted: number;
  /** Tasks that began again although they had begun and not ended: running ones restarted. */
  restarted: number;
  /** Tasks that began again although they had ended. */
  runAgain: number;
  /** What the tasks are that were counted wrongly. */
  wrong: string[];
}

/** Compares the results of a job of so many tasks with the text of its ledger. */
export function judge(rows: readonly ResultRow[], ledger: string, tasks: number): Judged {
  const begun = new Map<number, number>();
  const ended = new Map<number, number>();
  let restarted = 0;
  let runAgain = 0;
  for (const line of ledger.trimEnd().split('\n')) {
    const [kind, name] = line.split(' ');
    const index = Number(name);
    if (kind === 'b') {
      if (begun.has(index)) {
        if (ended.has(index)) runAgain += 1;
        else restarted += 1;
      }
      begun.set(index, (begun.get(index) ?? 0) + 1);
    } else ended.set(index, (ended.get(index) ?? 0) + 1);
  }
  let lost = 0;
  let counted = rows.length - tasks;
  const wrong: string[] = [];
  const byIndex = new Map(rows.map((row) => [row.index, row]));
  for (let index = 0; index < tasks; index++) {
    const row = byIndex.get(index);
    if (!ended.has(index) || row?.state !== 'succeeded') lost += 1;
    else if (row.stdout !== `${index}\n` || ended.get(index) !== 1) {
      counted += 1;
      wrong.push(
        `task ${index}: ${ended.get(index)} ends, attempt ${row.attempt}, wrote ${JSON.stringify(row.stdout)}`,
      );
    }
  }
  return { lost, counted, restarted, runAgain, wrong };
}

/** Returns by how many ends a coordinator's own counters are wrong, where so many tasks succeeded and none ran again. */
export function countedTooOften({ tasks, reexecuted, lateResults }: Status, succeeded: number): number {
  return Math.abs((tasks.succeeded ?? 0) - succeeded) + reexecuted + lateResults;
}
