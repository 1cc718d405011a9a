/** What the mouse does: the wheel moves, a click selects, a second one opens; views and keys are clicked where they stand. */
import { footerKeyAt } from './footer.ts';
import { layoutOf, tableOf, windowHere, withTable } from './interface-state.ts';
import type { MouseAct } from './mouse.ts';
import { openPlace } from './places.ts';
import type { Reach } from './store.ts';
import { idAt, moveTo } from './table-state.ts';
import { viewAt } from './tabs.ts';

const wheelRows = 3;

/** Does what was pointed at; `press` does what a key does. */
export function pointed(act: MouseAct, reach: Reach, press: (key: string) => void): void {
  const { mode } = reach.get();
  if (act.kind === 'click') {
    // What is asked and what is typed is answered by keys.
    if (mode.kind === 'table') clicked(act, reach, press);
    return;
  }
  if (mode.kind === 'question' || mode.kind === 'typing') return;
  const times = mode.kind === 'choice' ? 1 : wheelRows;
  for (let i = 0; i < times; i++) press(act.kind === 'wheel-up' ? 'Up' : 'Down');
}

function clicked({ x, y }: MouseAct, reach: Reach, press: (key: string) => void): void {
  const state = reach.get();
  const layout = layoutOf(state);
  if (layout.tiny) return;
  if (y === state.rows - 1) {
    const key = footerKeyAt(state, x);
    if (key !== null) press(key);
    return;
  }
  const tabsAt = 1 + layout.meterRows;
  if (layout.tabs && y === tabsAt) {
    const view = viewAt(x, state.columns);
    if (view !== null) openPlace(reach, { screen: view, of: null }, false);
    return;
  }
  const firstRow = tabsAt + (layout.tabs ? 1 : 0) + layout.detailRows + 1;
  const window = windowHere(state);
  if (state.place.screen === 'charts' || window === null || y < firstRow || y >= firstRow + layout.tableRows) return;
  const table = tableOf(state);
  const index = table.top + y - firstRow;
  if (index >= window.matched) return;
  if (table.selected !== null && idAt(window, index) === table.selected) return press('Enter');
  reach.set(withTable(state, moveTo(table, window, index, layout.tableRows)));
}
