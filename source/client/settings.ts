/** The settings file: a JSON object of flags by name in camelCase. */
import { readFileSync } from 'node:fs';
import { oneLine } from '../model/errors.ts';
import { meant } from '../model/nearest.ts';
import { quote, usage } from './complaint.ts';
import { allFlags, settingOf } from './flags.ts';

/**
 * Returns what the file says; nothing where there is none. Throws LbtopError (usage) where it cannot be read, is no JSON
 * object, or names a flag that does not exist.
 */
export function readSettings(file: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return {};
    throw usage(`cannot read the settings file ${file}: ${oneLine(error)}`);
  }
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch (error) {
    throw usage(`the settings file ${file} is not JSON: ${oneLine(error)}`);
  }
  if (typeof said !== 'object' || said === null || Array.isArray(said))
    throw usage(`the settings file ${file} is not a JSON object`);
  const known = new Set(allFlags.filter(({ row }) => row.typedOnly !== true).map(({ name }) => settingOf(name)));
  const strange = Object.keys(said).find((key) => !known.has(key));
  if (strange !== undefined)
    throw usage(`the settings file ${file} names ${quote(strange)}, which is no flag${meant(strange, known, '')}`);
  return said as Record<string, unknown>;
}
