/** Reads what words are asked about: jobs, tasks, nodes. */
import { nodeName } from '../model/job.ts';
import { quote, usage } from './complaint.ts';

/** A job, or one task of it by the index that users see. */
export interface Target {
  job: number;
  index: number | null;
}

/** Reads `7`. Throws LbtopError (usage). */
export function jobOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usage(`${quote(text)} is not a job: expected its number, e.g. 7 (lbtop jobs lists them)`);
}

/** Reads `7` or `7.12`. Throws LbtopError (usage). */
export function targetOf(text: string): Target {
  const match = /^([1-9]\d{0,14})(?:\.(\d{1,15}))?$/.exec(text);
  if (match === null)
    throw usage(`${quote(text)} is not a job or task: expected e.g. 7 or 7.12 (lbtop jobs and lbtop tasks list them)`);
  return { job: Number(match[1]), index: match[2] === undefined ? null : Number(match[2]) };
}

/** Reads `7.12`. Throws LbtopError (usage). */
export function taskOf(text: string): { job: number; index: number } {
  const { job, index } = /^[1-9]\d{0,14}\.\d{1,15}$/.test(text) ? targetOf(text) : { job: 0, index: null };
  if (index === null)
    throw usage(`${quote(text)} is not a task: expected e.g. 7.12 (lbtop tasks 7 lists those of job 7)`);
  return { job, index };
}

/** Reads names of nodes, each once, or none with `all`. Throws LbtopError (usage). */
export function nodesOf(
  texts: readonly string[],
  all: boolean | undefined,
  word: string,
): { nodes: string[]; all: boolean } {
  if (all && texts.length > 0) throw usage(`${word}: name nodes or give --all, not both`);
  if (!all && texts.length === 0)
    throw usage(`${word} needs a node: name some, or give --all (lbtop nodes lists them)`);
  for (const text of texts) {
    try {
      nodeName.unpack(text);
    } catch {
      throw usage(`${quote(text)} is no name of a node: ${nodeName.says}`);
    }
  }
  return { nodes: [...new Set(texts)], all: all === true };
}
