/**
 * A process that has a local journal open, for tests that kill it. `node journal-process.ts WORK DIRECTORY`, with WORK
 * one of:
 *   hold     opens it, says `open`, stays
 *   commit   commits one fact after the other, several under way, each with its output and its result; says the ordinal
 *            of each that is durable; saves snapshots, which are the number of facts that they stand for
 *   try      opens it and closes it again; says `open`, or why not
 */
import { writeSync } from 'node:fs';
import { groupCommit } from '../../source/journal/commit.ts';
import { openLocalStore } from '../../source/journal/local.ts';
import { recover } from '../../source/journal/recover.ts';

const [work = '', directory = ''] = process.argv.slice(2);

/** Written at once: what was said before a kill has been said. */
function say(line: string): void {
  let rest = Buffer.from(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The pipe is full: whoever reads it is slower than the journal.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

function giveUp(error: unknown): never {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
// Of what nobody waits for at that moment.
process.on('unhandledRejection', giveUp);

try {
  const store = await openLocalStore({ directory });
  const term = await store.campaign({ id: `process ${process.pid}`, address: 'nowhere:1' });
  say('open');
  if (work === 'try') await store.close();
  else if (work === 'hold') setInterval(() => {}, 1_000);
  else {
    const commits = groupCommit({ term, limits: store.limits });
    let ordinal = 0;
    await recover(store, {
      async snapshot(chunks) {
        for await (const chunk of chunks) ordinal = Number(Buffer.from(chunk).toString());
      },
      facts: (facts) => {
        ordinal += facts.length;
      },
    });
    let saving: Promise<void> | null = null;
    for (;;) {
      if (saving === null && ordinal % 10 === 0) {
        const count = `${ordinal}`;
        saving = commits.mark().then(async (seq) => {
          await term.saveSnapshot(seq, [Buffer.from(count)]);
          saving = null;
        });
      }
      const under = Array.from({ length: 1 + (ordinal % 7) }, () => {
        const mine = ordinal++;
        const attempt = { job: 1, ordinal: mine, attempt: 1 };
        return commits
          .commit(
            [{ kind: 'assigned', at: 1, ...attempt, node: 'n', adopted: false }],
            [
              { kind: 'output', ...attempt, stream: 1, offset: 0, data: Buffer.from(`output of ${mine}`), cut: 0 },
              { kind: 'result', ...attempt, json: `${mine}` },
            ],
          )
          .then(() => say(`${mine}`));
      });
      // Some in one turn, some while others are under way.
      if (ordinal % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      else await Promise.all(under);
    }
  }
} catch (error) {
  giveUp(error);
}
