/** From what Ink hears to the names of keys.ts: one call may carry several keys, when they come faster than they are read. */
import type { Key } from 'ink';

/** Returns the keys of one input event. */
export function keyNames(input: string, key: Key): string[] {
  if (key.eventType === 'release') return [];
  const named = nameOf(key);
  if (named !== null) return [named];
  if (key.ctrl) return [`C-${input.toLowerCase()}`];
  // No key of ours is held with Alt: Esc and the next key came together.
  const names: string[] = key.meta ? ['Esc'] : [];
  for (const character of input) {
    const control = controls[character];
    if (control !== undefined) names.push(control);
    else if (character >= ' ' && character !== '\x7f') names.push(character);
  }
  return names;
}

const controls: Record<string, string> = {
  ' ': 'Space',
  '\r': 'Enter',
  '\n': 'Enter',
  '\t': 'Tab',
  '\x7f': 'Backspace',
  '\b': 'Backspace',
  '\x1b': 'Esc',
  '\x03': 'C-c',
  '\x04': 'C-d',
  '\x0c': 'C-l',
  '\x15': 'C-u',
  '\x17': 'C-w',
  '\x1a': 'C-z',
};

function nameOf(key: Key): string | null {
  if (key.upArrow) return 'Up';
  if (key.downArrow) return 'Down';
  if (key.leftArrow) return key.shift ? 'S-Left' : 'Left';
  if (key.rightArrow) return key.shift ? 'S-Right' : 'Right';
  if (key.pageUp) return 'PgUp';
  if (key.pageDown) return 'PgDn';
  if (key.home) return 'Home';
  if (key.end) return 'End';
  if (key.return) return 'Enter';
  if (key.escape) return 'Esc';
  if (key.tab) return key.shift ? 'S-Tab' : 'Tab';
  if (key.backspace) return 'Backspace';
  if (key.delete) return 'Delete';
  return null;
}
