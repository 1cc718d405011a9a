/** Questions before what destroys work, with what it would cost. */
import type { Command } from '../feed/feed.ts';
import type { DrainPreview, LeavingNode } from '../model/report.ts';
import { displayText } from '../view/display-text.ts';
import { counted, duration, grouped } from '../view/format.ts';
import type { NodeLine } from '../view/node-rows.ts';
import { fixed, joined, type SafeText } from '../view/safe-text.ts';
import { type Intention, type InterfaceState, isPast, type Question, windowHere } from './interface-state.ts';
import type { Reach } from './store.ts';

type Target = Partial<NodeLine> & { name: string };

function ask(reach: Reach, question: Omit<Question, 'kind' | 'choice'>): void {
  // Enter alone never destroys anything.
  const choice = question.grave ? 'no' : 'yes';
  reach.set({ ...reach.get(), mode: { kind: 'question', choice, ...question } });
}

/** Shows what draining these nodes would do, and asks. */
export function askDrain(reach: Reach, nodes: readonly Target[], now: boolean): void {
  if (nodes.length === 0) return reach.toast(fixed('nothing is selected'), 'refused');
  const names = nodes.map((node) => node.name);
  const follows: Intention = { kind: 'act', commands: [{ kind: 'drain', nodes: names, now, reason: '' }] };
  ask(reach, {
    title: joined(fixed(now ? 'drain now' : 'drain'), fixed(' '), counted(nodes.length, 'node')),
    lines: [listed(names), fixed(''), ...countedTasks(nodes, now)],
    yes: fixed(now ? 'Drain now' : 'Drain'),
    no: fixed('Back'),
    grave: now,
    follows,
  });
  void foretell(reach, names, now, follows);
}

/** What the rows in sight tell, until the coordinator has told. */
function countedTasks(nodes: readonly Target[], now: boolean): SafeText[] {
  let running = 0;
  let waiting = 0;
  let unseen = 0;
  for (const node of nodes) {
    running += node.running ?? 0;
    waiting += node.assigned ?? 0;
    if (node.running === undefined) unseen++;
  }
  const lines = drainWords(running, waiting, now);
  if (unseen > 0) lines.push(joined(fixed('and those of '), counted(unseen, 'node'), fixed(' out of sight')));
  return lines;
}

function drainWords(running: number, waiting: number, now: boolean): SafeText[] {
  const lines = [
    now
      ? joined(counted(running, 'running task'), fixed(' will be stopped and start again elsewhere'))
      : joined(counted(running, 'running task'), fixed(' will end there; nothing new is placed')),
  ];
  if (waiting > 0) lines.push(joined(counted(waiting, 'waiting task'), fixed(' will go back to the queue')));
  return lines;
}

/** Asks the coordinator, and puts what it tells into the question, where that is still open. */
async function foretell(reach: Reach, names: readonly string[], now: boolean, follows: Intention): Promise<void> {
  let told: DrainPreview | undefined;
  try {
    told = await reach.feed.drainPreview?.(names);
  } catch {
    // The question stands as it is; what is wrong shows when it is answered.
  }
  const { mode } = reach.get();
  if (told === undefined || mode.kind !== 'question' || mode.follows !== follows) return;
  reach.set({ ...reach.get(), mode: { ...mode, lines: [listed(names), fixed(''), ...foretold(told, now)] } });
}

function foretold({ nodes, stuckJobs, remaining }: DrainPreview, now: boolean): SafeText[] {
  const sum = (of: (node: LeavingNode) => number): number => nodes.reduce((total, node) => total + of(node), 0);
  const [running, stuck] = [sum((node) => node.running), sum((node) => node.stuck)];
  const lines = drainWords(
    running,
    sum((node) => node.assigned),
    now,
  );
  const lefts = nodes.map((node) => node.leftMs);
  if (!now && running > 0)
    lines.push(
      lefts.includes(null)
        ? fixed('how long that takes is not known')
        : joined(fixed('the last of them in about '), duration(Math.max(0, ...lefts.map((left) => left ?? 0)))),
    );
  if (stuck > 0)
    lines.push(
      joined(counted(stuck, 'task'), fixed(stuck === 1 ? ' could run' : ' of them could run'), fixed(' nowhere else')),
    );
  if (stuckJobs.length > 0)
    lines.push(joined(counted(stuckJobs.length, 'waiting job'), fixed(' would have no node left that could run it')));
  lines.push(
    fixed(''),
    joined(counted(remaining.nodes, 'node'), fixed(' with '), counted(remaining.slots, 'slot'), fixed(' would remain')),
  );
  return lines;
}

/** Asks before jobs or tasks are cancelled. `ids`: of the rows of the screen where one is. */
export function askCancel(reach: Reach, ids: readonly string[]): void {
  const state = reach.get();
  if (ids.length === 0) return reach.toast(fixed('nothing is selected'), 'refused');
  const window = windowHere(state);
  const lines: SafeText[] = [];
  if (state.place.screen === 'jobs') {
    let left = 0;
    let running = 0;
    for (const row of window?.jobs ?? []) {
      if (!ids.includes(String(row.job))) continue;
      left += row.queued + row.assigned + row.running;
      running += row.running;
    }
    if (ids.length === 1) {
      const row = window?.jobs.find((one) => String(one.job) === ids[0]);
      if (row !== undefined) lines.push(joined(displayText(`job ${row.job} ${row.name}`, 60)));
    } else lines.push(listed(ids));
    lines.push(
      fixed(''),
      joined(counted(left, 'task'), fixed(' not ended, '), grouped(running), fixed(' of them running')),
    );
  } else {
    lines.push(listed(ids), fixed(''));
    const running = (window?.tasks ?? []).filter((row) => ids.includes(row.task) && row.state === 'running').length;
    lines.push(joined(grouped(running), fixed(' of them running: what they did so far is lost')));
  }
  const noun = state.place.screen === 'jobs' ? counted(ids.length, 'job') : counted(ids.length, 'task');
  ask(reach, {
    title: joined(fixed('cancel '), noun),
    lines,
    yes: joined(fixed('Cancel '), noun),
    no: fixed(ids.length === 1 ? 'Keep it' : 'Keep them'),
    grave: true,
    follows: { kind: 'act', commands: targetsOf(state, ids).map((target) => ({ kind: 'cancel', ...target })) },
  });
}

/** Asks before one job or task is cancelled that need not be in sight. */
export function askCancelOf(reach: Reach, target: { job: number; index: number | null }): void {
  const { job, index } = target;
  const row = index === null ? windowHere(reach.get())?.jobs.find((one) => one.job === job) : undefined;
  const what =
    index === null ? joined(fixed('job '), grouped(job)) : joined(fixed('task '), displayText(`${job}.${index}`));
  ask(reach, {
    title: joined(fixed('cancel '), what),
    lines:
      row === undefined
        ? [joined(what, fixed(': what runs of it is stopped'))]
        : [
            displayText(`job ${row.job} ${row.name}`, 60),
            joined(
              counted(row.queued + row.assigned + row.running, 'task'),
              fixed(' not ended, '),
              grouped(row.running),
              fixed(' of them running'),
            ),
          ],
    yes: joined(fixed('Cancel '), what),
    no: fixed('Keep it'),
    grave: true,
    follows: { kind: 'act', commands: [{ kind: 'cancel', ...target }] },
  });
}

/** Returns the commands that run again what failed of the jobs, or the tasks themselves. */
export function commandsToRetry(state: InterfaceState, ids: readonly string[]): Command[] {
  const onlyFailed = state.place.screen === 'jobs';
  return targetsOf(state, ids).map((target) => ({ kind: 'retry', ...target, onlyFailed }));
}

function targetsOf(state: InterfaceState, ids: readonly string[]): { job: number; index: number | null }[] {
  return ids.map((id) => {
    if (state.place.screen === 'jobs') return { job: Number(id), index: null };
    const [job = '', index = ''] = id.split('.');
    return { job: Number(job), index: Number(index) };
  });
}

/** Quits; asks first where that would end a coordinator that still has work. */
export function askQuit(reach: Reach): void {
  const state = reach.get();
  const asked = state.mode.kind === 'question' && state.mode.follows.kind === 'quit';
  if (!state.owner || isPast(state) || asked) return reach.intend({ kind: 'quit', stop: state.owner });
  const { tasks } = state.window?.totals ?? {};
  const left = tasks === undefined ? 0 : tasks.queued + tasks.assigned + tasks.running;
  if (tasks === undefined || left === 0) return reach.intend({ kind: 'quit', stop: true });
  ask(reach, {
    title: fixed('stop the coordinator'),
    lines: [
      joined(counted(left, 'task'), fixed(' not ended, '), grouped(tasks.running), fixed(' of them running')),
      fixed(''),
      fixed('Nodes go on with what they run, and report'),
      fixed('it when a coordinator is there again.'),
    ],
    yes: fixed('Stop'),
    no: fixed('Back'),
    grave: true,
    follows: { kind: 'quit', stop: true },
  });
}

function listed(names: readonly string[]): SafeText {
  const shown = names.slice(0, 5).map((name) => displayText(name, 24));
  const more = names.length > 5 ? joined(fixed(' and '), grouped(names.length - 5), fixed(' more')) : fixed('');
  return joined(...shown.flatMap((name, i) => (i === 0 ? [name] : [fixed(', '), name])), more);
}
