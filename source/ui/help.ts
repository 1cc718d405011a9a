/** The help: the keys that work where one is. Pure. */
import { pad } from '../view/cells.ts';
import { fixed, joined, type SafeText, vouched } from '../view/safe-text.ts';
import { signOf } from './footer.ts';
import { type InterfaceState, powersOf } from './interface-state.ts';
import { type Group, type KeyRow, keysAt } from './keys.ts';
import { padRow, type Row } from './line.ts';
import { longest } from './table.ts';

const groups: Record<Group, SafeText> = {
  moving: fixed('moving'),
  looking: fixed('looking'),
  nodes: fixed('nodes'),
  'jobs and tasks': fixed('jobs and tasks'),
  'the fleet': fixed('the fleet'),
  time: fixed('time'),
  answering: fixed('answering'),
};

/** Returns the keys that work here, by group; in two columns where there is room. */
export function helpRows(state: InterfaceState): Row[] {
  const width = state.columns - 4;
  const powers = powersOf(state);
  const here = [...keysAt('screen', state.place.screen, powers), ...keysAt('dialog', state.place.screen, powers)];
  const signsOf = (row: KeyRow): SafeText =>
    joined(fixed('  '), ...row.keys.flatMap((key, i) => (i === 0 ? [signOf(key)] : [fixed(' '), signOf(key)])));
  const signCells = longest(here, signsOf, 8, 24) + 2;
  const blocks: Row[][] = [];
  for (const [group, title] of Object.entries(groups)) {
    const rows = here.filter((row) => row.group === group);
    if (rows.length === 0) continue;
    const block: Row[] = [[[title, 'sorted']]];
    for (const row of rows) {
      block.push([
        [pad(signsOf(row), signCells), 'key'],
        [vouched(row.words), 'text'],
      ]);
    }
    blocks.push([...block, []]);
  }
  const all = blocks.flat();
  if (width < 110) return all.map((row): Row => [[fixed(' '), 'text'], ...row]);
  // Whole blocks, as evenly as they go.
  const half = Math.ceil(all.length / 2);
  const left: Row[] = [];
  const right: Row[] = [];
  for (const block of blocks) (left.length + block.length / 2 <= half ? left : right).push(...block);
  const column = Math.floor(width / 2);
  return Array.from(
    { length: Math.max(left.length, right.length) },
    (_, i): Row => [[fixed(' '), 'text'], ...padRow(left[i] ?? [], column), ...(right[i] ?? [])],
  );
}
