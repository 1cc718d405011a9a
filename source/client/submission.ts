/** What programs submit, and the spec and items that it becomes. */
import { LbtopError, oneLine } from '../model/errors.ts';
import { type JobSpec, jobSpec, type Span, type Work } from '../model/job.ts';
import type { Json } from '../model/shape.ts';
import type { VerbArgs } from '../wire/verbs.ts';
import type { Client } from './client.ts';
import { uploadItems } from './items.ts';

/** How the tasks of a job are run; what is left out is as `lbtop submit` has it. */
export type JobOptions = Partial<Omit<JobSpec, 'work' | 'span' | 'items'>>;

/** A command, or a task by name: built-in, or a handler of a node. */
export type JobWork = { command: readonly string[]; shell?: boolean } | { task: string; input?: Json };

/** Values that are there, or that come. */
export type Values<T> = Iterable<T> | AsyncIterable<T>;

/** One submission: its work once, for each number of an array, or for each item. */
export type Submission = JobOptions &
  JobWork & {
    array?: Span;
    /** Lines: `{}` of a command, or the inputs of a task. */
    items?: Values<string>;
    /** The same as JSON values. */
    inputs?: Values<Json>;
  };

/** Returns what sends the items of one client's submissions and gives what is to be asked then. Throws LbtopError. */
export function submitter(client: Client): (submission: Submission) => Promise<VerbArgs<'submit'>> {
  let uploads = 0;
  return async ({ array, items, inputs, ...rest }) => {
    const { work, options } = workOf(rest);
    const kind = items !== undefined ? 'lines' : inputs !== undefined ? 'json' : 'none';
    const spec = jobSpec({ ...options, work, items: kind, ...(array === undefined ? {} : { span: array }) });
    if (kind === 'none') return { spec, upload: null };
    const upload = ++uploads;
    const count = await uploadItems(client, upload, blocksOf(items ?? inputs ?? [], items === undefined));
    if (count === 0) throw new LbtopError('usage', 'no items: there is nothing to do');
    return { spec: { ...spec, span: { count, first: 0, step: 1 } }, upload };
  };
}

function workOf(given: JobOptions & JobWork): { work: Work; options: JobOptions } {
  const nothing = { argv: [], shell: false, task: '', input: null };
  if ('command' in given) {
    const { command, shell = false, ...options } = given;
    const argv = shell ? [command.join(' ')] : [...command];
    return { work: { ...nothing, kind: 'command', argv, shell }, options };
  }
  if ('task' in given) {
    const { task, input = null, ...options } = given;
    return { work: { ...nothing, kind: 'task', task, input }, options };
  }
  throw new LbtopError('usage', 'a job is a command or a task: say one of them');
}

/** Items of one block travel together. */
const blockItems = 1_000;

async function* blocksOf(items: Values<Json>, asJson: boolean): AsyncIterable<string[]> {
  let block: string[] = [];
  let count = 0;
  for await (const item of items) {
    block.push(asJson ? jsonText(item, count) : String(item));
    count += 1;
    if (block.length < blockItems) continue;
    yield block;
    block = [];
  }
  if (block.length > 0) yield block;
}

function jsonText(item: Json, place: number): string {
  try {
    const text: string | undefined = JSON.stringify(item);
    if (text !== undefined) return text;
  } catch (error) {
    throw new LbtopError('usage', `input ${place + 1} cannot be said in JSON: ${oneLine(error)}`);
  }
  throw new LbtopError('usage', `input ${place + 1} cannot be said in JSON: it is ${typeof item}`);
}
