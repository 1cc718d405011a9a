/** Where a replay stands: playing or not, how fast, and a bar of the whole with its incidents. */
import type { ReactNode } from 'react';
import type { Incident, TimeState } from '../../feed/feed.ts';
import { blank, cells, repeated } from '../../view/cells.ts';
import { clock, dateAndClock, grouped } from '../../view/format.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import { type InterfaceState, layoutOf } from '../interface-state.ts';
import { type Line, type Piece, type Row, spread } from '../line.ts';
import type { Role, Theme } from '../theme.ts';
import { Rows } from './rows.tsx';

export function TimeBar({
  state,
  time,
  incidents,
  theme,
}: {
  state: InterfaceState;
  time: TimeState;
  incidents: readonly Incident[];
  theme: Theme;
}): ReactNode {
  const { timeRows } = layoutOf(state);
  if (timeRows === 0) return null;
  const { columns, utcOffsetMinutes } = state;
  const lines: Line[] = [{ row: wordsRow(time, theme, columns, utcOffsetMinutes), ground: 'bar' }];
  if (timeRows > 1) lines.push({ row: barOfTime(time, incidents, theme, columns) });
  if (timeRows > 2) lines.push({ row: endsRow(time, columns, utcOffsetMinutes) });
  return <Rows theme={theme} lines={lines} width={columns} height={timeRows} />;
}

function wordsRow(time: TimeState, theme: Theme, columns: number, utcOffset: number): Row {
  const ascii = theme.glyphs === 'ascii';
  const sign = time.playing ? (ascii ? fixed('> ') : fixed('▶ ')) : ascii ? fixed('= ') : fixed('‖ ');
  const speed = time.speed < 1 ? joined(fixed('1/'), grouped(1 / time.speed)) : grouped(time.speed);
  const left: Piece[] = [
    [joined(fixed(' '), sign), time.playing ? 'good' : 'warn'],
    [time.playing ? fixed('playing ') : fixed('stopped '), time.playing ? 'good' : 'warn'],
    [joined(speed, ascii ? fixed('x') : fixed('×'), fixed('  ')), 'accent'],
    [columns >= 70 ? dateAndClock(time.at, utcOffset) : clock(time.at, utcOffset), 'strong'],
  ];
  const right: Row =
    columns >= 60
      ? [[joined(fixed('event '), grouped(time.event), fixed(' of '), grouped(time.events), fixed(' ')), 'dim']]
      : [];
  return spread(left, right, columns);
}

const marks: Record<Incident['kind'], readonly [SafeText, SafeText, Role]> = {
  lost: [fixed('×'), fixed('x'), 'bad'],
  failed: [fixed('!'), fixed('!'), 'bad'],
  operator: [fixed('◆'), fixed('o'), 'warn'],
  joined: [fixed('+'), fixed('+'), 'good'],
};
const weight: Record<Incident['kind'], number> = { lost: 3, operator: 2, failed: 1, joined: 0 };

function barOfTime(time: TimeState, incidents: readonly Incident[], theme: Theme, columns: number): Row {
  const width = Math.max(1, columns - 2);
  const cellOf = (at: number): number =>
    Math.max(0, Math.min(width - 1, Math.round(((at - time.from) / Math.max(1, time.to - time.from)) * (width - 1))));
  const ascii = theme.glyphs === 'ascii';
  const strongest = new Map<number, Incident['kind']>();
  for (const { at, kind } of incidents) {
    const known = strongest.get(cellOf(at));
    if (known === undefined || weight[kind] > weight[known]) strongest.set(cellOf(at), kind);
  }
  const here = cellOf(time.at);
  const row: Piece[] = [[fixed(' '), 'text']];
  let cell = 0;
  const line = (upTo: number): void => {
    const passed = cell < here;
    const sign = ascii ? (passed ? fixed('=') : fixed('-')) : passed ? fixed('━') : fixed('─');
    if (upTo > cell) row.push([repeated(sign, upTo - cell), passed ? 'accent' : 'faint']);
    cell = Math.max(cell, upTo);
  };
  const stops = [...strongest.keys(), here].sort((a, b) => a - b);
  for (const stop of stops) {
    if (stop < cell) continue;
    line(stop);
    const kind = strongest.get(stop);
    if (stop === here) row.push([ascii ? fixed('O') : fixed('●'), 'strong']);
    else if (kind !== undefined) row.push([marks[kind][ascii ? 1 : 0], marks[kind][2]]);
    cell = stop + 1;
  }
  line(width);
  return row;
}

function endsRow(time: TimeState, columns: number, utcOffset: number): Row {
  const from = joined(fixed(' '), clock(time.from, utcOffset));
  const to = joined(clock(time.to, utcOffset), fixed(' '));
  const legend = fixed('× lost  ! failed  ◆ operator  + joined');
  const middle = columns - cells(from) - cells(to);
  if (middle < cells(legend) + 4)
    return [
      [from, 'dim'],
      [blank(middle), 'text'],
      [to, 'dim'],
    ];
  const before = Math.floor((middle - cells(legend)) / 2);
  return [
    [from, 'dim'],
    [blank(before), 'text'],
    [vouched(legend), 'faint'],
    [blank(middle - before - cells(legend)), 'text'],
    [to, 'dim'],
  ];
}
