/** The rows of the events screen, the newest first. */
import { limits } from '../model/limits.ts';
import { type Infer, real, struct, text, word } from '../model/shape.ts';
import { type Columns, matcher } from './filter.ts';
import type { Look } from './look.ts';
import type { Page } from './page.ts';
import { eventAt, firstEvent, type Series } from './series.ts';

export const eventRowShape = struct({
  /** Counts from the first event that was observed. */
  number: real(0),
  at: real(0),
  level: word(['info', 'warn', 'error']),
  subject: text(limits.textLength),
  text: text(limits.textLength),
});
export type EventRow = Infer<typeof eventRowShape>;

const columns: Columns<EventRow> = {
  level: (row) => row.level,
  subject: (row) => row.subject,
  text: (row) => row.text,
};

/** Returns the events that a look wants. */
export function eventPage(series: Series, look: Look): Page<EventRow> & { total: number } {
  const matches = matcher(look.filter, columns, (row) => `${row.level} ${row.subject} ${row.text}`);
  const first = firstEvent(series);
  const total = series.nextEvent - first;
  const rows: EventRow[] = [];
  const selected = look.selected === null ? -1 : Number(look.selected);
  let matched = 0;
  let selectedAt = -1;
  for (let place = 0; place < total; place++) {
    // Without a filter every row's place is known, and only those looked at are put in words.
    if (matches === null && (place < look.top || rows.length >= look.rows)) continue;
    const number = look.reverse ? first + place : series.nextEvent - 1 - place;
    const line = eventAt(series, number);
    if (line === null) continue;
    const row = { number, ...line };
    if (matches !== null && !matches(row)) continue;
    if (number === selected) selectedAt = matched;
    if (matches === null || (matched >= look.top && rows.length < look.rows)) rows.push(row);
    matched++;
  }
  if (matches !== null) return { rows, matched, selectedAt, total };
  const place = look.reverse ? selected - first : series.nextEvent - 1 - selected;
  return { rows, matched: total, selectedAt: selected >= first && place >= 0 && place < total ? place : -1, total };
}
