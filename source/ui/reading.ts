/** Texts that are asked for: why a task is where it is, and the end of what it wrote. */
import type { Explanation } from '../model/report.ts';
import { pad } from '../view/cells.ts';
import { displayText } from '../view/display-text.ts';
import { counted, grouped, unknown } from '../view/format.ts';
import { fixed, joined, type SafeText, vouched } from '../view/safe-text.ts';
import type { Reach } from './store.ts';

const tailBytes = 64 * 1024;
const linesKept = 2_000;

function idOf(task: string | null): { job: number; index: number } | null {
  const [, job, index] = /^(\d+)\.(\d+)$/.exec(task ?? '') ?? [];
  return job === undefined ? null : { job: Number(job), index: Number(index) };
}

/** Shows why a task waits, or why it went where it went. */
export function explain(reach: Reach, task: string | null): void {
  const id = idOf(task);
  const { feed } = reach;
  if (id === null) return;
  if (feed.explain === undefined) return reach.toast(fixed('explanations are not kept here'), 'refused');
  reach.read(joined(fixed('task '), displayText(task ?? '')), async () =>
    explanationLines((await feed.explain?.(id.job, id.index)) as Explanation),
  );
}

function explanationLines(said: Explanation): SafeText[] {
  const lines: SafeText[] = [
    joined(
      fixed('state     '),
      fixed(said.state),
      said.node === null ? fixed('') : joined(fixed(' on '), displayText(said.node)),
      fixed(', attempt '),
      grouped(said.attempt),
    ),
    joined(fixed('policy    '), fixed(said.policy)),
  ];
  const reasons = Object.entries(said.waiting);
  if (reasons.length > 0) {
    lines.push(fixed(''), fixed('waits, because'));
    for (const [reason, count] of reasons)
      lines.push(joined(fixed('  '), pad(grouped(count), 6, 'left'), fixed('  '), displayText(reason, 200)));
  }
  if (said.candidates.length > 0) {
    lines.push(fixed(''), joined(counted(said.candidates.length, 'node'), fixed(' looked at')));
    for (const one of said.candidates) {
      const score = one.score === null ? unknown : vouched(one.score.toFixed(3));
      lines.push(
        joined(
          fixed(one.chosen ? '  ▶ ' : '    '),
          pad(displayText(one.node), 24),
          pad(score, 9, 'left'),
          fixed('  '),
          displayText(one.excluded ?? '', 200),
        ),
      );
    }
  }
  return lines;
}

/** Shows the end of what a task has written. */
export function readLog(reach: Reach, task: string | null): void {
  const id = idOf(task);
  const { feed } = reach;
  if (id === null) return;
  if (feed.logTail === undefined) return reach.toast(fixed('outputs are not kept here'), 'refused');
  reach.read(joined(fixed('output of task '), displayText(task ?? '')), async () => {
    const bytes = (await feed.logTail?.(id.job, id.index, tailBytes)) ?? new Uint8Array(0);
    const lines = new TextDecoder().decode(bytes).split('\n');
    if (lines.at(-1) === '') lines.pop();
    if (lines.length === 0) return [fixed('it has written nothing so far')];
    return lines.slice(-linesKept).map((line) => displayText(line.replace(/\r$/, ''), 1_000));
  });
}
