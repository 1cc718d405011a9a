/** The lines on top: who we are, how the fleet is, the meters, and the views. */
import type { ReactNode } from 'react';
import { displayText } from '../../view/display-text.ts';
import { clock, compact, elapsed, grouped, rate, size } from '../../view/format.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import type { Totals } from '../../view/totals.ts';
import type { Recording } from '../../view/window.ts';
import { type InterfaceState, isPast, layoutOf, tableOf, windowHere } from '../interface-state.ts';
import { type Line, type Piece, type Row, rowCells, spread } from '../line.ts';
import { tabPieces } from '../tabs.ts';
import type { Role, Theme } from '../theme.ts';
import { meterBoxes, meterLines } from './meters.ts';
import { Rows } from './rows.tsx';

const space = fixed(' ');
const gap = fixed('  ');

/** Title, meters and tabs, as far as the layout has them. */
export function Title({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const layout = layoutOf(state);
  const { window } = state;
  const lines: Line[] = [{ row: titleRow(state, theme), ground: 'bar' }];
  if (layout.meters === 'boxes') lines.push(...meterBoxes(window, theme, state.columns).map((row) => ({ row })));
  if (layout.meters === 'lines') lines.push(...meterLines(window, theme, state.columns).map((row) => ({ row })));
  if (layout.tabs) lines.push({ row: tabsRow(state) });
  return (
    <Rows theme={theme} lines={lines} width={state.columns} height={1 + layout.meterRows + (layout.tabs ? 1 : 0)} />
  );
}

/** How much of the title is shown: as much as fits. */
interface TitleParts {
  name: boolean;
  policy: boolean;
  words: boolean;
  signs: boolean;
  uptime: boolean;
  clock: boolean;
}

const titleParts: readonly TitleParts[] = [
  { name: true, policy: true, words: true, signs: true, uptime: true, clock: true },
  { name: true, policy: true, words: true, signs: true, uptime: false, clock: true },
  { name: true, policy: true, words: false, signs: true, uptime: true, clock: true },
  { name: true, policy: false, words: false, signs: true, uptime: true, clock: true },
  { name: true, policy: false, words: false, signs: true, uptime: false, clock: true },
  { name: false, policy: false, words: false, signs: true, uptime: false, clock: true },
  { name: false, policy: false, words: false, signs: true, uptime: false, clock: false },
  { name: false, policy: false, words: false, signs: false, uptime: false, clock: false },
];

function titleRow(state: InterfaceState, theme: Theme): Row {
  const { window, columns } = state;
  const brand: Piece[] = [
    [fixed(' lbtop '), 'brand'],
    [space, 'text'],
  ];
  if (window === null) {
    const { connection } = state;
    const words =
      connection.state === 'connecting'
        ? fixed('connecting…')
        : connection.state === 'lost'
          ? joined(fixed('connection lost, trying again: '), displayText(connection.why, 100))
          : fixed('waiting for the first report…');
    return [...brand, [state.title, 'strong'], [gap, 'text'], [words, 'dim']];
  }
  const { totals } = window;
  const numbers = layoutOf(state).meters === 'none';
  for (const parts of titleParts) {
    const left: Piece[] = [...brand];
    if (parts.name) left.push([state.title, 'strong'], [gap, 'text']);
    if (state.connection.state === 'lost') left.push(...lostWords(state.connection.why, theme, parts));
    else left.push(...pulse(totals, theme, parts.name));
    left.push([parts.name ? gap : space, 'text']);
    if (parts.policy)
      left.push([joined(fixed(totals.policy), fixed(' · '), fixed(totals.queue)), 'dim'], [gap, 'text']);
    left.push(...nodesWords(totals, theme, parts));
    if (numbers) left.push(...shortNumbers(totals));
    const right: Piece[] = [];
    if (window.recording !== null && !isPast(state)) right.push(...recordingWords(window.recording, theme, parts));
    if (!state.mayAct && !isPast(state)) right.push([fixed('read-only  '), 'warn']);
    if (parts.uptime) right.push([joined(fixed('up '), elapsed(window.at - totals.startedAt), gap), 'dim']);
    if (parts.clock) right.push([joined(clock(window.at, state.utcOffsetMinutes), space), 'text']);
    const last = parts === titleParts.at(-1);
    if (last || rowCells(left) + rowCells(right) + 2 <= columns) return spread(left, last ? [] : right, columns);
  }
  return brand;
}

/** What is shown is old. */
function lostWords(why: string, theme: Theme, { name, words }: TitleParts): Piece[] {
  const sign = theme.glyphs === 'ascii' ? fixed('x') : fixed('×');
  if (!name) return [[joined(sign, fixed(' lost')), 'bad']];
  const reason = words ? joined(fixed(' ('), displayText(why, 40), fixed(')')) : fixed('');
  return [[joined(sign, fixed(' connection lost, trying again'), reason), 'bad']];
}

function recordingWords({ file, bytes, stalled }: Recording, theme: Theme, { name, words }: TitleParts): Piece[] {
  const sign = theme.glyphs === 'ascii' ? fixed('o') : fixed('●');
  const role = stalled === '' ? 'bad' : 'warn';
  if (!name) return [[joined(sign, fixed('R ')), role]];
  const state = stalled === '' ? fixed(' rec') : fixed(' rec stalled');
  const more = words
    ? joined(space, displayText(file.slice(file.lastIndexOf('/') + 1), 24), space, size(bytes))
    : fixed('');
  return [[joined(sign, state, more, gap), role]];
}

function pulse(totals: Totals, theme: Theme, wide: boolean): Piece[] {
  const [on, off] = theme.glyphs === 'ascii' ? [fixed('*'), fixed('=')] : [fixed('●'), fixed('‖')];
  if (totals.queuePaused) return [[off, 'warn'], ...(wide ? [[fixed(' queue paused'), 'warn'] as const] : [])];
  if (totals.nodes.up === 0) return [[off, 'bad'], ...(wide ? [[fixed(' no node is up'), 'bad'] as const] : [])];
  return [[on, 'good'], ...(wide ? [[fixed(' running'), 'good'] as const] : [])];
}

function nodesWords(totals: Totals, theme: Theme, { words: wide, signs }: TitleParts): Piece[] {
  const { nodes } = totals;
  const ascii = theme.glyphs === 'ascii';
  const pieces: Piece[] = [
    [
      joined(wide ? fixed('nodes ') : fixed(''), grouped(nodes.up), fixed('/'), grouped(nodes.all), fixed(' up')),
      'text',
    ],
  ];
  const also: [number, SafeText, SafeText, Role][] = [
    [nodes.lost, ascii ? fixed('x') : fixed('×'), fixed(' lost'), 'bad'],
    [nodes.suspect, fixed('?'), fixed(' silent'), 'warn'],
    [nodes.paused, ascii ? fixed('=') : fixed('‖'), fixed(' paused'), 'warn'],
    [nodes.draining, ascii ? fixed('d') : fixed('◐'), fixed(' draining'), 'info'],
    [nodes.drained, ascii ? fixed('o') : fixed('○'), fixed(' drained'), 'info'],
    [nodes.overloaded, ascii ? fixed('!') : fixed('▲'), fixed(' hot'), 'warn'],
  ];
  if (!signs) return pieces;
  for (const [count, sign, words, role] of also)
    if (count > 0) pieces.push([joined(space, sign, grouped(count), wide ? words : fixed('')), role]);
  return pieces;
}

function shortNumbers({ tasks, perSecond10s }: Totals): Piece[] {
  return [
    [joined(fixed(' q'), compact(tasks.queued)), 'queue'],
    [joined(fixed(' r'), compact(tasks.running + tasks.assigned)), 'run'],
    [joined(space, rate(perSecond10s), fixed('/s')), 'flow'],
  ];
}

/** One line for a terminal that has room for no more. */
export function tinyRow(state: InterfaceState, theme: Theme): Row {
  const { window } = state;
  if (window === null) return [[fixed('lbtop …'), 'dim']];
  const { nodes } = window.totals;
  return [
    ...pulse(window.totals, theme, false),
    [joined(space, grouped(nodes.up), fixed('/'), grouped(nodes.all)), 'text'],
    ...shortNumbers(window.totals),
  ];
}

function tabsRow(state: InterfaceState): Row {
  const { place, columns } = state;
  const left: Piece[] = [...tabPieces(place.screen, columns)];
  if (place.of !== null) left.push([fixed(' › '), 'faint'], [displayText(place.of, 30), 'strong']);
  return spread(left, tabsNotes(state), columns);
}

function tabsNotes(state: InterfaceState): Row {
  const table = tableOf(state);
  const window = windowHere(state);
  const pieces: Piece[] = [];
  if (table.marked.size > 0) pieces.push([joined(grouped(table.marked.size), fixed(' marked  ')), 'warn']);
  if (table.filter !== '') pieces.push([fixed('/'), 'key'], [joined(displayText(table.filter, 24), gap), 'text']);
  if (window !== null && state.place.screen !== 'charts') {
    const searched = window.searched === null ? fixed('') : joined(fixed(' of the first '), grouped(window.searched));
    const count =
      window.matched === window.total
        ? grouped(window.total)
        : joined(grouped(window.matched), vouched('/'), grouped(window.total));
    pieces.push([joined(count, searched, space), 'dim']);
  }
  return pieces;
}
