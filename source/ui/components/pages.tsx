/** Texts over the screen: help, an explanation, the end of a log. */
import type { ReactNode } from 'react';
import { grouped } from '../../view/format.ts';
import { fixed, joined } from '../../view/safe-text.ts';
import { helpRows } from '../help.ts';
import type { InterfaceState, Pages as PagesMode } from '../interface-state.ts';
import { boxed, type Row } from '../line.ts';
import type { Theme } from '../theme.ts';
import { plain, Rows } from './rows.tsx';

export function Pages({ state, mode, theme }: { state: InterfaceState; mode: PagesMode; theme: Theme }): ReactNode {
  const { columns, rows } = state;
  const all: readonly Row[] =
    mode.lines === 'help' ? helpRows(state) : mode.lines.map((line): Row => [[joined(fixed(' '), line), 'text']]);
  const inside = Math.max(1, rows - 2);
  const top = Math.max(0, Math.min(mode.top, all.length - inside));
  const end = Math.min(all.length, top + inside);
  const place =
    all.length > inside
      ? joined(
          grouped(top + 1),
          fixed('–'),
          grouped(end),
          fixed(' of '),
          grouped(all.length),
          fixed('  ↑↓  Esc closes'),
        )
      : fixed('Esc closes');
  const lines = boxed(theme, mode.title, place, all.slice(top, end), columns, rows);
  return <Rows theme={theme} lines={plain(lines)} width={columns} height={rows} />;
}
