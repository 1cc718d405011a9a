/** What this program calls itself, from its package.json, which lies at another depth once it is compiled. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

let known: string | null = null;

/** Returns the version of lbtop, e.g. `1.4.0`. */
export function packageVersion(): string {
  known ??= find(import.meta.dirname);
  return known;
}

function find(directory: string): string {
  try {
    const said: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    if (typeof said === 'object' && said !== null && 'name' in said && said.name === 'lbtop' && 'version' in said)
      return String(said.version);
  } catch {
    // Not here: one further up.
  }
  const above = dirname(directory);
  return above === directory ? '0.0.0' : find(above);
}
