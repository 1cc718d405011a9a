/** Texts that are asked for: why a task is where it is, and the end of what it wrote. */
import { oneLine } from '../model/errors.ts';
import type { Explanation } from '../model/report.ts';
import { pad } from '../view/cells.ts';
import { displayText } from '../view/display-text.ts';
import { counted, grouped, unknown } from '../view/format.ts';
import { fixed, joined, type SafeText, vouched } from '../view/safe-text.ts';
import { isPast } from './interface-state.ts';
import type { Reach } from './store.ts';

const tailBytes = 64 * 1024;
const linesKept = 2_000;
const longestLine = 16_384;
/** Between two drawings of an output that grows, ms. */
const growMs = 100;

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

/** First line of the last screenful of a text in a box. */
export function lastTop(lines: number, rows: number): number {
  return Math.max(0, lines - Math.max(1, rows - 2));
}

/** Shows the end of what a task has written, and what it writes while one looks. */
export function readLog(reach: Reach, task: string | null): void {
  const id = idOf(task);
  const { feed } = reach;
  if (id === null) return;
  if (feed.logTail === undefined) return reach.toast(fixed('outputs are not kept here'), 'refused');
  reach.follow(joined(fixed('output of task '), displayText(task ?? '')), (show) =>
    outputLines(reach, id, (lines) => show(lines.length === 0 ? [fixed('it has written nothing so far')] : lines)),
  );
}

/** Lines of output that a task's screen has at least. */
const outputLeast = 5;

/** Shows a task: how it came to be where it is, and its output as it comes. */
export function openTask(reach: Reach, task: string | null): void {
  const id = idOf(task);
  const { feed } = reach;
  if (id === null) return;
  reach.follow(
    joined(fixed('task '), displayText(task ?? '')),
    (show) => {
      let about: readonly SafeText[] = [fixed('…')];
      let output: readonly SafeText[] = [];
      const heading = fixed(feed.logTail === undefined ? 'its output is not kept here' : 'output');
      // What fits below the explanation, the newest of it; `l` shows it all.
      const both = (): void => {
        const room = Math.max(outputLeast, reach.get().rows - 2 - about.length - 2);
        show([...about, fixed(''), heading, ...output.slice(-room)]);
      };
      void (async () => {
        try {
          const said = await feed.explain?.(id.job, id.index);
          about = said === undefined ? [fixed('explanations are not kept here')] : explanationLines(said);
        } catch (error) {
          about = [displayText(oneLine(error), 400)];
        }
        both();
      })();
      return outputLines(reach, id, (lines) => {
        output = lines;
        both();
      });
    },
    true,
  );
}

/** Gives the last lines of an output, again as it grows; returns how to end that. */
function outputLines(
  { feed, get }: Reach,
  { job, index }: { job: number; index: number },
  show: (lines: readonly SafeText[]) => void,
): () => void {
  const decoder = new TextDecoder();
  let lines: string[] = [''];
  let timer: NodeJS.Timeout | null = null;
  let over = false;
  const written = (): SafeText[] => (lines.at(-1) === '' ? lines.slice(0, -1) : lines).map(lineText);
  const showNow = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!over) show(written());
  };
  const take = (piece: Uint8Array): void => {
    const [first = '', ...more] = decoder.decode(piece, { stream: true }).split('\n');
    lines.push(`${lines.pop() ?? ''}${first}`.slice(-longestLine), ...more);
    if (lines.length > linesKept) lines = lines.slice(-linesKept);
    // A task that writes much is not to be drawn as often.
    timer ??= setTimeout(showNow, growMs);
  };
  const refuse = (error: unknown): void => {
    if (timer !== null) clearTimeout(timer);
    // What was written is not lost by why no more comes.
    if (!over) show([...written(), displayText(oneLine(error), 400)]);
  };
  let following: { close(): void } | null = null;
  try {
    if (feed.followLog !== undefined && !isPast(get()))
      following = feed.followLog(job, index, tailBytes, take, (why) => {
        if (why !== null) refuse(why);
        else showNow();
      });
    else
      void feed.logTail?.(job, index, tailBytes).then((bytes) => {
        take(bytes);
        showNow();
      }, refuse);
  } catch (error) {
    refuse(error);
  }
  return () => {
    over = true;
    if (timer !== null) clearTimeout(timer);
    following?.close();
  };
}

/** Of a line that was written over, what stands there last. */
function lineText(line: string): SafeText {
  const parts = line.replace(/\r+$/, '').split('\r');
  return displayText(parts.at(-1) ?? '', 1_000);
}
