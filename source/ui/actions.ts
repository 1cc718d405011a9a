/** What each action of the key table does. */
import type { TimeControl } from '../feed/feed.ts';
import { oneLine } from '../model/errors.ts';
import { policyNames } from '../model/job.ts';
import { displayText } from '../view/display-text.ts';
import { sorts } from '../view/look.ts';
import { fixed } from '../view/safe-text.ts';
import { askCancel, askDrain, askQuit, commandsToRetry } from './asking.ts';
import { helpRows } from './help.ts';
import { type InterfaceState, layoutOf, tableOf, windowHere, withTable } from './interface-state.ts';
import type { Action } from './keys.ts';
import { openPlace } from './places.ts';
import { explain, lastTop, openTask, readLog } from './reading.ts';
import type { Reach } from './store.ts';
import { moveTo } from './table-state.ts';
import { viewOf, views } from './tabs.ts';
import { targetNodes, targets } from './targets.ts';
import { clearLine, completeLine, dropLine, rubOut, takeLine, typeIn } from './typing.ts';

/** Does it. */
export function perform(action: Action, reach: Reach): void {
  const state = reach.get();
  const { mode } = state;
  switch (action) {
    case 'up':
      return move(reach, -1);
    case 'down':
      return move(reach, 1);
    case 'page-up':
      return move(reach, -pageOf(state));
    case 'page-down':
      return move(reach, pageOf(state));
    case 'first':
      return toFirst(reach);
    case 'last':
      return move(reach, Number.MAX_SAFE_INTEGER);
    case 'open':
      return openSelected(reach);
    case 'back':
      return back(reach);
    case 'next-view':
      return turnView(reach, 1);
    case 'previous-view':
      return turnView(reach, -1);
    case 'view-1':
    case 'view-2':
    case 'view-3':
    case 'view-4':
    case 'view-5':
      return openPlace(reach, { screen: views[Number(action.at(-1)) - 1] ?? 'nodes', of: null }, false);
    case 'filter':
      return typeIn(reach, 'filter', tableOf(state).filter);
    case 'sort':
      return sortNext(reach);
    case 'reverse':
      return reach.set(withTable(state, { ...tableOf(state), reverse: !tableOf(state).reverse }));
    case 'mark':
      return mark(reach);

    case 'pause':
      return pause(reach);
    case 'drain':
      return askDrain(reach, targetNodes(state), false);
    case 'drain-now':
      return askDrain(reach, targetNodes(state), true);
    case 'resume': {
      const nodes = targetNodes(state).map((node) => node.name);
      return nodes.length === 0 ? nothingSelected(reach) : reach.act([{ kind: 'resume', nodes, reason: '' }]);
    }
    case 'throttle':
      return targetNodes(state).length === 0 ? nothingSelected(reach) : typeIn(reach, 'throttle');
    case 'cancel':
      return askCancel(reach, targets(state));
    case 'retry': {
      const commands = commandsToRetry(state, targets(state));
      return commands.length === 0 ? nothingSelected(reach) : reach.act(commands);
    }
    case 'explain':
      return explain(reach, tableOf(state).selected);
    case 'log':
      return readLog(reach, tableOf(state).selected);
    case 'pause-queue':
      return reach.act([{ kind: 'pause-queue', paused: state.window?.totals.queuePaused !== true, reason: '' }]);
    case 'policy':
      return choosePolicy(reach);
    case 'record':
      return typeIn(reach, 'record');
    case 'command':
      return typeIn(reach, 'command');
    case 'help':
      return reach.set({ ...state, mode: { kind: 'pages', title: fixed('keys'), lines: 'help', top: 0 } });
    case 'repaint':
      return reach.set({ ...state, repaints: state.repaints + 1 });
    case 'stop-process':
      return reach.stop();
    case 'quit':
      return askQuit(reach);

    case 'answer-yes':
      return answer(reach, true);
    case 'answer-no':
      return answer(reach, false);
    case 'other-answer':
      if (mode.kind === 'question')
        reach.set({ ...state, mode: { ...mode, choice: mode.choice === 'yes' ? 'no' : 'yes' } });
      return;
    case 'option-up':
    case 'option-down':
      return turnOption(reach, action === 'option-up' ? -1 : 1);
    case 'take-answer':
      return answer(reach, mode.kind === 'choice' || (mode.kind === 'question' && mode.choice === 'yes'));

    case 'accept':
      return takeLine(reach);
    case 'drop':
      return dropLine(reach);
    case 'rub-out':
      return rubOut(reach);
    case 'clear':
      return clearLine(reach);
    case 'complete':
      return completeLine(reach);
    default:
      return inTime(reach, action);
  }
}

function inTime(reach: Reach, action: Action): void {
  const { time } = reach.feed;
  if (time === undefined) {
    if (action === 'freeze') reach.toast(fixed('no past is kept here'), 'refused');
    return;
  }
  const at = time.state().at;
  switch (action) {
    case 'play':
      return time.toggle();
    case 'back-5s':
      return time.seek(at - 5_000);
    case 'on-5s':
      return time.seek(at + 5_000);
    case 'back-60s':
      return time.seek(at - 60_000);
    case 'on-60s':
      return time.seek(at + 60_000);
    case 'slower':
      return time.faster(0.5);
    case 'faster':
      return time.faster(2);
    case 'event-back':
      return time.step(-1);
    case 'event-on':
      return time.step(1);
    case 'next-incident':
      return time.jump(1);
    case 'previous-incident':
      return time.jump(-1);
    case 'freeze':
      void freeze(reach, time);
      return;
    case 'follow':
      return time.follow?.();
    case 'go-to':
      return typeIn(reach, 'go-to');
  }
}

async function freeze(reach: Reach, time: TimeControl): Promise<void> {
  try {
    await time.freeze?.();
  } catch (error) {
    reach.toast(displayText(oneLine(error), 400), 'refused');
  }
}

function pageOf(state: InterfaceState): number {
  return state.mode.kind === 'pages' ? Math.max(1, state.rows - 6) : Math.max(1, layoutOf(state).tableRows - 1);
}

function move(reach: Reach, by: number): void {
  const state = reach.get();
  if (state.mode.kind === 'pages') {
    const lines = state.mode.lines === 'help' ? helpRows(state) : state.mode.lines;
    const most = lastTop(lines.length, state.rows);
    const top = Math.max(0, Math.min(Math.min(state.mode.top, most) + by, most));
    return reach.set({ ...state, mode: { ...state.mode, top } });
  }
  const window = windowHere(state);
  if (window === null) return;
  const table = tableOf(state);
  reach.set(withTable(state, moveTo(table, window, table.index + by, layoutOf(state).tableRows)));
}

function toFirst(reach: Reach): void {
  const state = reach.get();
  if (state.mode.kind === 'pages') return reach.set({ ...state, mode: { ...state.mode, top: 0 } });
  const window = windowHere(state);
  if (window === null) return;
  // Back at the top nothing is held on to: new rows may come there.
  const table = moveTo(tableOf(state), window, 0, layoutOf(state).tableRows);
  reach.set(withTable(state, { ...table, pinned: false }));
}

function openSelected(reach: Reach): void {
  const state = reach.get();
  const { selected } = tableOf(state);
  if (selected === null) return;
  switch (state.place.screen) {
    case 'nodes':
      return openPlace(reach, { screen: 'node', of: selected }, true);
    case 'jobs':
      return openPlace(reach, { screen: 'job', of: selected }, true);
    case 'tasks':
    case 'node':
    case 'job':
      return openTask(reach, selected);
    case 'events': {
      const row = windowHere(state)?.events.find((one) => String(one.number) === selected);
      if (row === undefined) return;
      const [, job] = /^(?:job )?(\d+)(?:\.\d+)?$/.exec(row.subject) ?? [];
      if (job !== undefined) return openPlace(reach, { screen: 'job', of: job }, true);
      if (row.subject !== 'coordinator') openPlace(reach, { screen: 'node', of: row.subject }, true);
    }
  }
}

function back(reach: Reach): void {
  const state = reach.get();
  if (state.mode.kind !== 'table') return reach.set({ ...state, mode: { kind: 'table' } });
  const table = tableOf(state);
  if (table.marked.size > 0) return reach.set(withTable(state, { ...table, marked: new Set() }));
  if (table.filter !== '')
    return reach.set(withTable(state, { ...table, filter: '', pinned: table.selected !== null }));
  const place = state.behind.at(-1);
  if (place !== undefined) reach.set({ ...state, place, behind: state.behind.slice(0, -1) });
}

function turnView(reach: Reach, direction: 1 | -1): void {
  const at = views.indexOf(viewOf(reach.get().place.screen));
  openPlace(reach, { screen: views[(at + direction + views.length) % views.length] ?? 'nodes', of: null }, false);
}

function sortNext(reach: Reach): void {
  const state = reach.get();
  const table = tableOf(state);
  const columns: readonly string[] = sorts[state.place.screen];
  const sort = columns[(columns.indexOf(table.sort) + 1) % columns.length] as string;
  reach.set(withTable(state, { ...table, sort, reverse: false, top: 0, index: 0, pinned: false }));
}

function mark(reach: Reach): void {
  const state = reach.get();
  const table = tableOf(state);
  if (table.selected === null) return;
  const marked = new Set(table.marked);
  if (!marked.delete(table.selected)) marked.add(table.selected);
  reach.set(withTable(state, { ...table, marked }));
  move(reach, 1);
}

function nothingSelected(reach: Reach): void {
  reach.toast(fixed('nothing is selected'), 'refused');
}

function pause(reach: Reach): void {
  const nodes = targetNodes(reach.get());
  if (nodes.length === 0) return nothingSelected(reach);
  const resumes = nodes.every((node) => node.intent !== undefined && node.intent !== 'active');
  reach.act([{ kind: resumes ? 'resume' : 'pause', nodes: nodes.map((node) => node.name), reason: '' }]);
}

function choosePolicy(reach: Reach): void {
  const state = reach.get();
  const current = state.window?.totals.policy;
  const options = policyNames.map((policy) => ({
    words: fixed(policy),
    follows: { kind: 'act', commands: [{ kind: 'policy', policy, queue: null }] } as const,
  }));
  const at = current === undefined ? 0 : policyNames.indexOf(current);
  reach.set({ ...state, mode: { kind: 'choice', title: fixed('policy: where tasks go'), options, at } });
}

function turnOption(reach: Reach, by: 1 | -1): void {
  const state = reach.get();
  const { mode } = state;
  if (mode.kind !== 'choice') return;
  const at = (mode.at + by + mode.options.length) % mode.options.length;
  reach.set({ ...state, mode: { ...mode, at } });
}

function answer(reach: Reach, yes: boolean): void {
  const state = reach.get();
  const { mode } = state;
  if (mode.kind !== 'question' && mode.kind !== 'choice') return;
  reach.set({ ...state, mode: { kind: 'table' } });
  if (!yes) return;
  const follows = mode.kind === 'question' ? mode.follows : mode.options[mode.at]?.follows;
  if (follows !== undefined) reach.intend(follows);
}
