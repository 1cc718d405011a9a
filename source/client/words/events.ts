/** `lbtop events` */
import { limits } from '../../model/limits.ts';
import type { EventLine } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { exactTime } from '../format.ts';
import { printJson, printLine } from '../io.ts';
import { cellText } from '../plain-text.ts';
import { type Colour, coloured } from '../table.ts';

const colours: Readonly<Record<EventLine['level'], Colour | null>> = { info: null, warn: 'yellow', error: 'red' };
/** As `tail -f` does. */
const lastWhenFollowing = 10;

/** Prints what happened, a line each; with `-f` goes on with what happens. */
export async function events({ flags, io, client }: Call): Promise<number> {
  const follow = flags.follow === true;
  const last = flags.last ?? (follow ? lastWhenFollowing : limits.eventsKept);
  await (await client()).stream('events', { last, follow }, (event) => {
    if (flags.json) return printJson(io.stdout, event);
    const level = coloured(io.stdout, event.level.padEnd(5), colours[event.level]);
    return printLine(io.stdout, `${exactTime(event.at)}  ${level}  ${cellText(`${event.subject}: ${event.text}`)}`);
  });
  return 0;
}
