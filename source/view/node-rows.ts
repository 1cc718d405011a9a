/** The rows of the nodes screen. */

import { limits } from '../model/limits.ts';
import { healths, intents } from '../model/node.ts';
import { bytes, flag, type Infer, nullable, real, struct, text, word } from '../model/shape.ts';
import { remainingMs } from '../scheduler/learned.ts';
import type { NodeState, State } from '../scheduler/state.ts';
import { type Columns, matcher } from './filter.ts';
import type { Look } from './look.ts';
import { type Page, pageOf } from './page.ts';
import { historyOf, type Series, samplesKept } from './series.ts';

const count = real(0);

export const nodeLineShape = struct({
  name: text(limits.nameLength),
  health: word(healths),
  intent: word(intents),
  drained: flag,
  overloaded: flag,
  /** Why it is as it is, in words; foreign parts included. */
  note: text(limits.textLength),
  /** Percent of the whole machine; null before the first heartbeat and when it is gone. */
  cpu: nullable(real()),
  cpuOurs: nullable(real()),
  memoryUsed: nullable(real()),
  memoryTotal: count,
  load1: nullable(real()),
  slots: count,
  assigned: count,
  running: count,
  succeeded: count,
  failed: count,
  throttle: real(),
  /** CPU of the last heartbeats in half percents, oldest first. */
  history: bytes(samplesKept),
});
export type NodeLine = Infer<typeof nodeLineShape>;

const columns: Columns<NodeState> = {
  name: (node) => node.name,
  cpu: (node) => node.sample?.cpu ?? null,
  ours: (node) => node.sample?.cpuOurs ?? null,
  memory: (node) => (node.sample === null ? null : (100 * node.sample.memoryUsed) / Math.max(1, node.info.memoryTotal)),
  running: (node) => node.running,
  waiting: (node) => node.assigned,
  done: (node) => node.succeeded,
  failed: (node) => node.failed,
  load: (node) => node.sample?.load1 ?? null,
  slots: (node) => node.info.slots,
  throttle: (node) => 100 * node.throttle,
  health: (node) => node.health,
  state: (node) =>
    `${node.health} ${node.intent}${node.drained ? ' drained' : ''}${node.overloaded ? ' overloaded' : ''}`,
  label: (node) =>
    Object.entries(node.info.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
};

/** What sorts first is what one looks for: the most, and what is wrong. */
const keys: Record<string, (node: NodeState) => number | null> = {
  ...Object.fromEntries(
    ['cpu', 'ours', 'memory', 'running', 'waiting', 'done', 'failed', 'load'].map((name) => [
      name,
      (node: NodeState) => {
        const value = columns[name]?.(node);
        return typeof value === 'number' ? -value : null;
      },
    ]),
  ),
  health: (node) => -trouble(node),
};

function trouble(node: NodeState): number {
  const seen = { up: 0, left: 1, suspect: 4, lost: 5 }[node.health];
  if (seen > 0) return seen;
  return node.intent !== 'active' ? 3 : node.overloaded ? 2 : 0;
}

/** Returns the rows that a look at the nodes wants. */
export function nodePage(state: State, series: Series, now: number, look: Look): Page<NodeLine> & { total: number } {
  const matches = matcher(look.filter, columns, textOf);
  const items: NodeState[] = [];
  for (const node of state.nodes.values()) if (matches === null || matches(node)) items.push(node);
  const key = look.sort === 'joined' ? null : (keys[look.sort] ?? byName(state));
  const page = pageOf(items, key, look, (node) => node.name === look.selected);
  return { ...page, rows: page.rows.map((node) => nodeLine(state, node, series, now)), total: state.nodes.size };
}

function textOf(node: NodeState): string {
  return `${node.name} ${node.health} ${node.intent} ${node.drained ? 'drained ' : ''}${node.reason} ${node.info.host}`;
}

/** Returns one node as a row. */
export function nodeLine(state: State, node: NodeState, series: Series, now: number): NodeLine {
  const { sample } = node;
  return {
    name: node.name,
    health: node.health,
    intent: node.intent,
    drained: node.drained,
    overloaded: node.overloaded,
    note: noteOf(state, node, now),
    cpu: sample?.cpu ?? null,
    cpuOurs: sample?.cpuOurs ?? null,
    memoryUsed: sample?.memoryUsed ?? null,
    memoryTotal: node.info.memoryTotal,
    load1: sample?.load1 ?? null,
    slots: node.info.slots,
    assigned: node.assigned,
    running: node.running,
    succeeded: node.succeeded,
    failed: node.failed,
    throttle: node.throttle,
    history: historyOf(series, node.name, 'cpu'),
  };
}

function noteOf(state: State, node: NodeState, now: number): string {
  const since = `${seconds(now - node.healthAt)}`;
  const why = node.healthReason === '' ? '' : `: ${node.healthReason}`;
  if (node.health === 'lost') return `lost ${since} ago${why}`;
  if (node.health === 'left') return `left ${since} ago`;
  const parts: string[] = [];
  if (node.health === 'suspect') parts.push(`silent ${since}`);
  if (node.intent === 'paused') parts.push(`paused${operator(node)}`);
  else if (node.drained) parts.push(`drained${operator(node)}`);
  else if (node.intent === 'draining')
    parts.push(`draining ${node.held.size} left${leftWords(state, node, now)}${operator(node)}`);
  if (node.overloaded) parts.push('above its CPU limit');
  if (node.throttle < 1) parts.push(`throttle ${Math.round(node.throttle * 100)} %`);
  return parts.join(', ');
}

/** For how long at most the tasks that run there are expected to; '' where that is not known of all. */
function leftWords(state: State, node: NodeState, now: number): string {
  let most = 0;
  for (const { job, startedAt } of node.held.values()) {
    const spec = state.jobs.get(job)?.spec;
    if (spec === undefined || startedAt === null) continue;
    const left = remainingMs(state.learned, spec, node.name, Math.max(0, now - startedAt));
    if (left === null) return '';
    most = Math.max(most, left);
  }
  return most === 0 ? '' : ` ~${seconds(most)}`;
}

function operator(node: NodeState): string {
  const by = node.by === '' ? '' : ` by ${node.by}`;
  return `${by}${node.reason === '' ? '' : ` (${node.reason})`}`;
}

function seconds(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1_000));
  return whole < 100 ? `${whole} s` : whole < 6_000 ? `${Math.floor(whole / 60)} m` : `${Math.floor(whole / 3_600)} h`;
}

/** Ranks by name, remembered as long as the same nodes are there: names never change, joins and forgettings show in the sizes. */
const ranks = new WeakMap<State, { size: number; places: number; rank: Float64Array }>();

function byName(state: State): (node: NodeState) => number {
  let known = ranks.get(state);
  if (known === undefined || known.size !== state.nodes.size || known.places !== state.places.length) {
    const named = [...state.nodes.values()].map((node) => ({ place: node.place, key: natural(node.name) }));
    named.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : left.place - right.place));
    const rank = new Float64Array(state.places.length);
    named.forEach(({ place }, index) => {
      rank[place] = index;
    });
    known = { size: state.nodes.size, places: state.places.length, rank };
    ranks.set(state, known);
  }
  const { rank } = known;
  return (node) => rank[node.place] as number;
}

/** `node-10` comes after `node-9`. */
function natural(name: string): string {
  return name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}
