/** The stream of events, the newest first; and the newest few below other screens. */
import type { ReactNode } from 'react';
import type { EventLine } from '../../model/report.ts';
import { pad } from '../../view/cells.ts';
import { displayText } from '../../view/display-text.ts';
import type { EventRow } from '../../view/event-rows.ts';
import { clock } from '../../view/format.ts';
import { fixed, joined, type SafeText } from '../../view/safe-text.ts';
import { plain, Rows } from '../components/rows.tsx';
import { type InterfaceState, layoutOf, tableOf, windowHere } from '../interface-state.ts';
import { boxed, type Row } from '../line.ts';
import { type Column, longest, tableLines } from '../table.ts';
import type { Role, Theme } from '../theme.ts';

const levels: Record<EventLine['level'], readonly [SafeText, Role]> = {
  info: [fixed('info '), 'dim'],
  warn: [fixed('warn '), 'warn'],
  error: [fixed('error'), 'bad'],
};

export function EventsScreen({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const { tableRows } = layoutOf(state);
  const window = windowHere(state);
  const aboutCells = longest(window?.events ?? [], (event) => displayText(event.subject, 64), 8, 24);
  const columns: Column<EventRow>[] = [
    {
      title: fixed('TIME'),
      min: 8,
      rank: 0,
      sort: 'newest',
      cell: (event) => [[clock(event.at, state.utcOffsetMinutes), 'dim']],
    },
    { title: fixed('LEVEL'), min: 5, rank: 2, cell: (event) => [levels[event.level]] },
    {
      title: fixed('ABOUT'),
      min: Math.min(aboutCells, 14),
      max: aboutCells,
      rank: 1,
      cell: (event) => [[displayText(event.subject, 64), 'strong']],
    },
    {
      title: fixed('EVENT'),
      min: 8,
      max: 400,
      grow: 8,
      rank: 0,
      cell: (event, width) => [
        [displayText(event.text, width), event.level === 'info' ? 'text' : levels[event.level][1]],
      ],
    },
  ];
  const lines = tableLines({
    theme,
    columns,
    rows: window?.events ?? [],
    idOf: (event) => String(event.number),
    table: tableOf(state),
    from: window?.top ?? 0,
    matched: window?.matched ?? 0,
    width: state.columns,
    height: tableRows,
    empty:
      window === null
        ? fixed('…')
        : window.total > 0
          ? fixed('no event matches the filter')
          : fixed('nothing happened yet'),
  });
  return <Rows theme={theme} lines={lines} width={state.columns} height={tableRows + 1} />;
}

/** The newest events below a table. */
export function Ticker({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const { tickerRows, tickerBoxed } = layoutOf(state);
  if (tickerRows === 0) return null;
  const width = state.columns;
  const inside = tickerBoxed ? tickerRows - 2 : tickerRows;
  const window = state.place.of === null ? state.window : windowHere(state);
  const rows = (window?.newest ?? []).slice(-inside).map((event) => eventRow(event, state.utcOffsetMinutes));
  const { of, screen } = state.place;
  const whose = screen === 'job' ? fixed('events of job ') : fixed('events of ');
  const title = of === null ? fixed('events') : joined(whose, displayText(of, 30));
  const lines = tickerBoxed ? boxed(theme, title, fixed('4 shows all'), rows, width, tickerRows) : rows;
  return <Rows theme={theme} lines={plain(lines)} width={width} height={tickerRows} />;
}

function eventRow(event: EventLine, utcOffset: number): Row {
  const [word, role] = levels[event.level];
  return [
    [fixed(' '), 'text'],
    [clock(event.at, utcOffset), 'dim'],
    [fixed(' '), 'text'],
    [word, role],
    [fixed(' '), 'text'],
    [pad(displayText(event.subject, 64), 14), 'strong'],
    [fixed(' '), 'text'],
    [displayText(event.text, 400), event.level === 'info' ? 'text' : role],
  ];
}
