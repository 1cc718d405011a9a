/** What the acting keys are for. */
import type { NodeLine } from '../view/node-rows.ts';
import { type InterfaceState, tableOf, windowHere } from './interface-state.ts';
import { idsOf, type TableState } from './table-state.ts';

/** Ids that an acting key is for: all marked, or the selected one. */
export function targets(state: InterfaceState): string[] {
  const table: TableState = tableOf(state);
  if (table.marked.size > 0) return [...table.marked];
  const window = windowHere(state);
  // Only what is seen is acted on.
  if (window === null || table.selected === null || !idsOf(window).includes(table.selected)) return [];
  return [table.selected];
}

/** A node by its name, with what is known of it here. */
export function knownNode(state: InterfaceState, name: string): Partial<NodeLine> & { name: string } {
  const window = windowHere(state);
  if (window?.node?.line.name === name) return window.node.line;
  return window?.nodes.find((row) => row.name === name) ?? { name };
}

/** The nodes that an acting key is for, as far as they are known; a name alone where its row is not here. */
export function targetNodes(state: InterfaceState): (Partial<NodeLine> & { name: string })[] {
  const window = windowHere(state);
  if (window === null) return [];
  if (state.place.screen === 'node') return window.node === null ? [] : [window.node.line];
  if (state.place.screen !== 'nodes') return [];
  return targets(state).map((name) => knownNode(state, name));
}
