/** Signs of states: each state has its own, so that colour only repeats what is said. */
import type { JobState, TaskState } from '../model/job.ts';
import { blank } from '../view/cells.ts';
import { bar } from '../view/charts.ts';
import type { NodeLine } from '../view/node-rows.ts';
import { fixed, type SafeText, vouched } from '../view/safe-text.ts';
import type { Piece, Row } from './line.ts';
import { heat, type Role, type Theme } from './theme.ts';

/** How a node is, in one sign: what was observed goes before what the operator wants, that before its load. */
export function nodeSign(node: NodeLine, theme: Theme): readonly [SafeText, Role] {
  const ascii = theme.glyphs === 'ascii';
  if (node.health === 'lost') return [ascii ? fixed('x') : fixed('×'), 'bad'];
  if (node.health === 'left') return [ascii ? fixed('.') : fixed('·'), 'faint'];
  if (node.health === 'suspect') return [fixed('?'), 'warn'];
  if (node.intent === 'paused') return [ascii ? fixed('=') : fixed('‖'), 'warn'];
  if (node.drained) return [ascii ? fixed('o') : fixed('○'), 'info'];
  if (node.intent === 'draining') return [ascii ? fixed('d') : fixed('◐'), 'info'];
  if (node.overloaded) return [ascii ? fixed('!') : fixed('▲'), 'warn'];
  return [ascii ? fixed('*') : fixed('●'), 'good'];
}

const taskRoles: Record<TaskState, Role> = {
  queued: 'dim',
  assigned: 'queue',
  running: 'run',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'warn',
  skipped: 'faint',
  lost: 'bad',
};

/** The colour of a task's or a job's state; the word itself is always there. */
export function stateRole(state: TaskState | JobState): Role {
  return taskRoles[state];
}

/** A bar of two shares (0–1) in `width` cells; the second is told from the first without colour too. */
export function barRow(
  theme: Theme,
  shares: readonly [number, number],
  width: number,
  roles: readonly [Role, Role],
  tick?: number,
): Row {
  const parts = bar(shares[0], shares[1], width, theme.glyphs);
  const weak = theme.depth === 'none' && theme.glyphs !== 'ascii';
  const second = weak ? vouched('░'.repeat(parts.second.length)) : parts.second;
  const out: Piece[] = [];
  if (parts.first !== '') out.push([parts.first, roles[0]]);
  if (parts.edge !== '')
    out.push([parts.edge, roles[0], parts.edgeOnSecond && roles[1] === 'others' ? 'others' : undefined]);
  if (second !== '') out.push([second, roles[1]]);
  out.push(...restOf(theme, width, parts.rest, tick));
  return out;
}

/** What nothing fills, with a tick at a share of the whole, such as a limit. */
function restOf(theme: Theme, width: number, rest: number, tick: number | undefined): Piece[] {
  const at = tick === undefined ? -1 : Math.min(width - 1, Math.floor(tick * width)) - (width - rest);
  if (at < 0 || at >= rest) return [[blank(rest), 'text']];
  return [
    [blank(at), 'text'],
    [theme.glyphs === 'ascii' ? fixed('|') : fixed('▏'), 'faint'],
    [blank(rest - at - 1), 'text'],
  ];
}

/** The CPU of a machine: the tasks' share, then everybody else's. In percent of the whole. */
export function cpuBar(theme: Theme, cpu: number, ours: number, width: number, limit?: number): Row {
  const own = Math.min(cpu, ours) / 100;
  const share = cpu / 100;
  return barRow(
    theme,
    [own, share - own],
    width,
    [heat(share), 'others'],
    limit === undefined ? undefined : limit / 100,
  );
}
