/** What an interface looks at: which screen, in which order, which rows of it. The answer is a `Window`. */
import { limits } from '../model/limits.ts';
import { flag, type Infer, int, nullable, struct, text, word } from '../model/shape.ts';

/**
 * `nodes`, `jobs`, `events`: all of them. `tasks`: the attempts that nodes hold now. `charts`: graphs and all nodes' CPU.
 * `node`: one node with what it holds. `job`: one job with its tasks.
 */
export const screens = ['nodes', 'jobs', 'tasks', 'events', 'charts', 'node', 'job'] as const;
export type Screen = (typeof screens)[number];

/** Columns that each screen can be sorted by; the first is its natural order. */
export const sorts = {
  nodes: ['name', 'cpu', 'ours', 'memory', 'running', 'waiting', 'done', 'failed', 'load', 'health', 'joined'],
  jobs: ['newest', 'name', 'state', 'tasks', 'done', 'failed', 'eta'],
  tasks: ['node', 'task', 'started', 'state'],
  events: ['newest'],
  charts: ['name'],
  node: ['held', 'task', 'started', 'state'],
  job: ['task', 'state', 'node', 'started', 'run', 'attempt'],
} as const satisfies Record<Screen, readonly [string, ...string[]]>;

export const lookShape = struct({
  /** Chosen by who looks, and said again in each window that answers it. */
  number: int(0, Number.MAX_SAFE_INTEGER),
  screen: word(screens),
  /** The node's name (`node`), the job's id (`job`); else null. */
  of: nullable(text(limits.reasonLength)),
  /** One of `sorts`; what is not known counts as the natural order. */
  sort: text(32),
  reverse: flag,
  filter: text(limits.reasonLength),
  /** First row wanted, and how many. */
  top: int(0, Number.MAX_SAFE_INTEGER),
  rows: int(0, limits.windowRows),
  /** Id of the selected row: the window says at which place it stands. */
  selected: nullable(text(limits.reasonLength)),
  /** How many values of each graph; `coarse`: by ten seconds (an hour), else by the second (five minutes). */
  values: int(0, 720),
  coarse: flag,
  /** How many of the newest events beside the rows. */
  events: int(0, 200),
});
export type Look = Infer<typeof lookShape>;

/** Returns a look at a screen from its first row on; `given` says what differs. */
export function lookAt(screen: Screen, given: Partial<Look> = {}): Look {
  return {
    number: 0,
    screen,
    of: null,
    sort: sorts[screen][0],
    reverse: false,
    filter: '',
    top: 0,
    rows: 50,
    selected: null,
    values: 120,
    coarse: false,
    events: 5,
    ...given,
  };
}
