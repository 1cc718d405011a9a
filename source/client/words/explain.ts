/** `lbtop explain` */
import { type Explanation, taskReason } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { exactTime, unknown } from '../format.ts';
import { type Io, printJson, printLine } from '../io.ts';
import { cellText } from '../plain-text.ts';
import { onePage, printRows } from '../table.ts';
import { taskOf } from '../targets.ts';

function counted(reason: string, many: number): string {
  return taskReason.test(reason) ? reason : `${many} ${reason}`;
}

/** Returns what keeps a task waiting: `2 above 80 %, 1 full`; empty where nothing does. */
export function waitingText({ waiting }: Pick<Explanation, 'waiting'>): string {
  return Object.entries(waiting)
    .map(([reason, many]) => counted(reason, many))
    .join(', ');
}

/** Tells why a task waits, or why it went where it went. */
export async function explain({ operands, flags, io, client }: Call): Promise<number> {
  const why = await (await client()).request('explain', taskOf(operands[0] as string));
  await printExplanation(io.stdout, why, flags.json === true);
  return 0;
}

/** Prints an explanation, for a person or as one JSON value. */
export async function printExplanation(stdout: Io['stdout'], why: Explanation, json: boolean): Promise<void> {
  if (json) return printJson(stdout, why);
  const where = why.node === null ? '' : ` on ${why.node}`;
  await printLine(
    stdout,
    cellText(
      `task ${why.task}: ${why.state}${where}, attempt ${why.attempt}, by ${why.policy} at ${exactTime(why.at)}`,
    ),
  );
  const waiting = waitingText(why);
  if (waiting !== '') await printLine(stdout, cellText(`${why.state === 'queued' ? 'waits: ' : ''}${waiting}`));
  if (why.candidates.length === 0) return;
  await printRows(
    stdout,
    [
      { title: 'NODE', text: ({ node }) => node, colour: ({ chosen }) => (chosen ? 'green' : null) },
      {
        title: 'SCORE',
        right: true,
        text: ({ score }) => (score === null ? unknown : String(Math.round(score * 1_000) / 1_000)),
      },
      { title: 'CHOSEN', text: ({ chosen }) => (chosen ? 'yes' : '') },
      { title: 'RULED OUT BY', text: ({ excluded }) => excluded ?? '' },
    ],
    onePage(why.candidates),
    false,
  );
}
