/** `lbtop explain` */
import { taskReason } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { exactTime, unknown } from '../format.ts';
import { printJson, printLine } from '../io.ts';
import { cellText } from '../plain-text.ts';
import { onePage, printRows } from '../table.ts';
import { taskOf } from '../targets.ts';

function counted(reason: string, many: number): string {
  return taskReason.test(reason) ? reason : `${many} ${reason}`;
}

/** Tells why a task waits, or why it went where it went. */
export async function explain({ operands, flags, io, client }: Call): Promise<number> {
  const why = await (await client()).request('explain', taskOf(operands[0] as string));
  const { stdout } = io;
  if (flags.json) {
    await printJson(stdout, why);
    return 0;
  }
  const where = why.node === null ? '' : ` on ${why.node}`;
  await printLine(
    stdout,
    cellText(
      `task ${why.task}: ${why.state}${where}, attempt ${why.attempt}, by ${why.policy} at ${exactTime(why.at)}`,
    ),
  );
  const waiting = Object.entries(why.waiting);
  if (waiting.length > 0)
    await printLine(
      stdout,
      cellText(
        `${why.state === 'queued' ? 'waits: ' : ''}${waiting.map(([reason, many]) => counted(reason, many)).join(', ')}`,
      ),
    );
  if (why.candidates.length === 0) return 0;
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
  return 0;
}
