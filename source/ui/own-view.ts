/** What a node shows of itself in its own terminal: pure, from what its agent told to the lines of the screen. */
import { pad } from '../view/cells.ts';
import { displayText } from '../view/display-text.ts';
import { duration, elapsed, grouped, percent, size, unknown } from '../view/format.ts';
import { fixed, joined, type SafeText, vouched } from '../view/safe-text.ts';
import { barRow, cpuBar } from './glyphs.ts';
import { emptyRow, type Row, spread } from './line.ts';
import type { Theme } from './theme.ts';

/** A node as its agent tells it, a few times a second. Sizes in bytes, CPU in percent (0–100) of the whole machine. */
export interface OwnState {
  name: string;
  /** The coordinator's `host:port`; null: there is none now. */
  address: string | null;
  link: 'connecting' | 'open' | 'closed';
  stopping: boolean;
  cpuModel: string;
  cores: number;
  memoryTotal: number;
  /** null: not measured yet. */
  sample: { cpu: number; cpuOurs: number; memoryUsed: number; memoryOurs: number; load1: number } | null;
  slots: number;
  busy: number;
  waiting: number;
  /** Outcomes that the coordinator has not taken note of. */
  unsettled: number;
  throttle: number;
  running: { task: string; attempt: number; ageMs: number; what: string }[];
  /** The last lines of its log. */
  log: string[];
}

const gap = fixed('  ');
/** Lines of the log that stay on a screen that is full of tasks. */
const logRows = 4;
const taskCells = 12;
const tryCells = 4;
const timeCells = 8;

/** Returns exactly `rows` lines for a screen of `columns` cells; `state` null: nothing was told yet. */
export function ownRows(state: OwnState | null, theme: Theme, columns: number, rows: number): Row[] {
  if (state === null) return exactly([[[fixed(' lbtop node: starting'), 'brand']]], rows);
  const head = headRows(state, theme, columns);
  const foot: Row = [
    [fixed(' q'), 'key'],
    [state.stopping ? fixed(' stop at once') : fixed(' stop the node'), 'dim'],
    [fixed('  ^L'), 'key'],
    [fixed(' paint anew'), 'dim'],
  ];
  const room = Math.max(0, rows - head.length - 1);
  const log = state.log.slice(-Math.min(logRows, Math.max(0, room - 2)));
  const tasks = taskRows(state, room - log.length);
  const body = [...tasks, ...log.map((line): Row => [[joined(fixed(' '), displayText(line)), 'faint']])];
  return [...exactly([...head, ...body], rows - 1), foot].slice(-Math.max(1, rows));
}

function headRows(state: OwnState, theme: Theme, columns: number): Row[] {
  const { sample, slots, busy, waiting, unsettled, throttle } = state;
  const bar = Math.max(4, Math.min(40, columns - 40));
  const meter = (name: SafeText, drawn: Row, words: SafeText): Row => [
    [pad(name, 8), 'dim'],
    ...drawn,
    [gap, 'text'],
    [words, 'text'],
  ];
  const memory = sample === null || state.memoryTotal === 0 ? 0 : sample.memoryUsed / state.memoryTotal;
  const waits = waiting > 0 ? joined(fixed(', '), grouped(waiting), fixed(' waiting')) : vouched('');
  const owed = unsettled > 0 ? joined(fixed(', '), grouped(unsettled), fixed(' to be told')) : vouched('');
  const held = throttle < 1 ? joined(fixed(', throttled to '), percent(throttle * 100), fixed(' %')) : vouched('');
  return [
    spread(
      [
        [fixed(' lbtop node '), 'brand'],
        [displayText(state.name, 40), 'strong'],
      ],
      linkRow(state, theme),
      columns,
    ),
    meter(
      fixed(' cpu'),
      cpuBar(theme, sample?.cpu ?? 0, sample?.cpuOurs ?? 0, bar),
      sample === null
        ? unknown
        : joined(percent(sample.cpu), fixed(' %, tasks '), percent(sample.cpuOurs), fixed(' %'), held),
    ),
    meter(
      fixed(' mem'),
      barRow(theme, [memory, 0], bar, ['info', 'info']),
      sample === null
        ? unknown
        : joined(
            size(sample.memoryUsed),
            fixed(' of '),
            size(state.memoryTotal),
            fixed(', tasks '),
            size(sample.memoryOurs),
          ),
    ),
    meter(
      fixed(' slots'),
      barRow(theme, [slots === 0 ? 0 : Math.min(1, busy / slots), 0], bar, ['run', 'run']),
      joined(vouched(String(Math.round(busy * 100) / 100)), fixed('/'), grouped(slots), waits, owed),
    ),
    [[joined(fixed(' '), grouped(state.cores), fixed(' cores, '), displayText(state.cpuModel, 60)), 'faint']],
    emptyRow,
  ];
}

function linkRow({ link, address, stopping }: OwnState, theme: Theme): Row {
  const sign = theme.glyphs === 'ascii' ? fixed('* ') : fixed('● ');
  if (stopping) return [[fixed('stopping '), 'warn']];
  if (link === 'open')
    return [
      [sign, 'good'],
      [joined(displayText(address ?? ''), fixed(' ')), 'text'],
    ];
  return [[fixed('no coordinator: trying '), 'bad']];
}

function taskRows({ running }: OwnState, rows: number): Row[] {
  if (rows <= 0) return [];
  const head: Row = [
    [pad(fixed(' TASK'), taskCells), 'head'],
    [pad(fixed('TRY'), tryCells, 'left'), 'head'],
    [pad(fixed('TIME'), timeCells, 'left'), 'head'],
    [fixed('  COMMAND'), 'head'],
  ];
  const shown = running.length > rows - 1 ? Math.max(0, rows - 2) : running.length;
  const lines = running.slice(0, shown).map(
    ({ task, attempt, ageMs, what }): Row => [
      [pad(joined(fixed(' '), displayText(task, taskCells - 1)), taskCells), 'text'],
      [pad(grouped(attempt), tryCells, 'left'), attempt > 1 ? 'warn' : 'dim'],
      [pad(ageMs < 1_000 ? duration(ageMs) : elapsed(ageMs), timeCells, 'left'), 'run'],
      [joined(gap, displayText(what)), 'text'],
    ],
  );
  const more: Row[] =
    shown < running.length
      ? [[[joined(fixed(' … and '), grouped(running.length - shown), fixed(' more')), 'dim']]]
      : [];
  return exactly([head, ...lines, ...more], rows);
}

/** Exactly so many. */
function exactly(lines: readonly Row[], rows: number): Row[] {
  return Array.from({ length: Math.max(0, rows) }, (_, i) => lines[i] ?? emptyRow);
}
