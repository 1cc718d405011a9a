/** The last line: the keys that work here, what is being typed, or what became of an action. */
import type { ReactNode } from 'react';
import { cells } from '../../view/cells.ts';
import { displayText } from '../../view/display-text.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import { type InterfaceState, isPast, type Typing, windowHere } from '../interface-state.ts';
import { type KeyRow, keysAt, sign } from '../keys.ts';
import type { Line, Piece, Row } from '../line.ts';
import type { Theme } from '../theme.ts';
import { Rows } from './rows.tsx';

export function Foot({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  return <Rows theme={theme} lines={[footLine(state, theme)]} width={state.columns} height={1} />;
}

function footLine(state: InterfaceState, theme: Theme): Line {
  if (state.mode.kind === 'typing') return { row: typingRow(state, state.mode), ground: 'bar' };
  if (state.toast !== null) {
    const { text, kind } = state.toast;
    const mark = kind === 'done' ? (theme.glyphs === 'ascii' ? fixed(' * ') : fixed(' ✓ ')) : fixed(' ! ');
    return {
      row: [
        [mark, kind === 'done' ? 'good' : 'bad'],
        [text, 'text'],
      ],
      ground: kind === 'done' ? 'toast' : 'alarm',
    };
  }
  return { row: keysRow(state), ground: 'bar' };
}

/** How a key is called in safe text: names of keys are our own. */
export function signOf(key: string): SafeText {
  return vouched(sign(key));
}

function keysRow(state: InterfaceState): Row {
  const powers = { mayAct: state.mayAct, inTime: isPast(state) };
  const rows = keysAt('screen', state.place.screen, powers).filter((row) => row.footer !== undefined);
  const byRank = [...rows].sort((a, b) => rankOf(a) - rankOf(b));
  const pieces: Piece[] = [];
  let left = state.columns - 1;
  // What has no room goes by rank; what stays is shown in that order too, so that keys keep their places.
  const must = byRank.filter((row) => row.action === 'help' || row.action === 'quit');
  const reserved = must.reduce((sum, row) => sum + widthOf(row), 0);
  left -= reserved;
  const kept: KeyRow[] = [];
  for (const row of byRank) {
    if (must.includes(row)) continue;
    if (widthOf(row) > left) continue;
    left -= widthOf(row);
    kept.push(row);
  }
  for (const row of [...kept, ...must])
    pieces.push(
      [joined(fixed(' '), keySigns(row)), 'key'],
      [joined(fixed(' '), vouched(row.footer?.[0] ?? ''), fixed(' ')), 'dim'],
    );
  return pieces;
}

function rankOf(row: KeyRow): number {
  return row.footer?.[1] ?? 999;
}

function keySigns(row: KeyRow): SafeText {
  if (row.action === 'down') return fixed('↑↓');
  if (row.action === 'on-5s') return fixed('←→');
  if (row.action === 'faster') return fixed('[]');
  if (row.action === 'event-on') return fixed(',.');
  if (row.action === 'next-incident') return fixed('nN');
  return signOf(row.keys[0] ?? '');
}

function widthOf(row: KeyRow): number {
  return cells(keySigns(row)) + cells(row.footer?.[0] ?? '') + 3;
}

const prompts: Record<Typing['purpose'], SafeText> = {
  filter: fixed('/'),
  command: fixed(':'),
  throttle: fixed('share of time that tasks may run, 5–100 %: '),
  'go-to': fixed('go to (12:04:31, -5m, 50%): '),
  record: fixed('record into the file (empty ends): '),
};

function typingRow(state: InterfaceState, mode: Typing): Row {
  const window = windowHere(state);
  const count =
    mode.purpose === 'filter' && window !== null
      ? joined(fixed('   '), vouched(String(window.matched)), fixed(' of '), vouched(String(window.total)))
      : fixed('');
  return [
    [joined(fixed(' '), prompts[mode.purpose]), 'key'],
    [displayText(mode.text), 'text'],
    [fixed('█'), 'accent'],
    [count, 'dim'],
  ];
}
