/** From flags and a command to what is submitted. */
import { basename, resolve } from 'node:path';
import { type JobSpec, jobSpec, type Work } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import type { Call } from './call.ts';
import { usage } from './complaint.ts';
import type { FlagKey, Flags } from './flags.ts';
import { printLine } from './io.ts';
import { type Blocks, readJson, readLines, readWhole, uploadItems } from './items.ts';
import { cellText } from './plain-text.ts';

/** What `submit` answers. */
export interface Submitted {
  job: number;
  tasks: number;
  /** A job with this key was there already. */
  existing: boolean;
  /** Why no node that is known could ever take its tasks; null where one could. */
  never: string | null;
}

/** Reads the files that the flags name, sends the items, then the job. Throws LbtopError. */
export async function submitJob(call: Call): Promise<Submitted> {
  const { spec, items } = await jobRequest(call);
  const client = await call.client();
  if (items === null) return client.request('submit', { spec, upload: null });
  const upload = 1;
  const count = await uploadItems(client, upload, items);
  if (count === 0) throw usage(`${call.flags.eachLine ?? call.flags.eachJson} has no items: there is nothing to do`);
  return client.request('submit', { spec: { ...spec, span: { count, first: 0, step: 1 } }, upload });
}

/** Says what whoever submits should know of a job that was taken: that it is an old one, that nothing can run it yet. */
export async function warn({ io }: Pick<Call, 'io'>, { job, existing, never }: Submitted): Promise<void> {
  if (existing) await printLine(io.stderr, `lbtop: job ${job} has this key already: nothing new was queued`);
  if (never !== null)
    await printLine(io.stderr, `lbtop: job ${job} waits: ${cellText(never)}; it runs when a node that has it joins`);
}

/** What one submission is, its items apart. */
export interface JobRequest {
  spec: JobSpec;
  items: Blocks | null;
}

/** Returns what is to be submitted; the span of a job with items is not known yet. Throws LbtopError (usage). */
export async function jobRequest({
  flags,
  command,
  io,
  local,
}: Pick<Call, 'flags' | 'command' | 'io' | 'local'>): Promise<JobRequest> {
  onlyOne(flags, ['array', 'eachLine', 'eachJson']);
  if (flags.stdin === '-' && (flags.eachLine === '-' || flags.eachJson === '-'))
    throw usage('standard input can be the items or --stdin, not both');
  if (flags.direct && (flags.array ?? flags.eachLine ?? flags.eachJson) !== undefined)
    throw usage('--direct takes one task to its node: leave it out for many');
  if (flags.noRetry && (flags.retries ?? 0) > 0) throw usage('--no-retry and --retries: choose one');
  const work = workOf(flags, command);
  const stdin = flags.stdin === undefined ? null : await readWhole(io, flags.stdin, limits.stdinBytes);
  if (stdin !== null && work.kind === 'task') throw usage('--stdin is for commands: give a task its --input');
  const cwd = flags.cwd !== undefined ? resolve(io.cwd, flags.cwd) : local && work.kind === 'command' ? io.cwd : null;
  const file = flags.eachLine ?? flags.eachJson;
  const items = file === undefined ? null : flags.eachLine === undefined ? readJson(io, file) : readLines(io, file);
  const spec = jobSpec({
    work,
    name: (flags.name ?? nameOf(work)).slice(0, limits.reasonLength),
    items: items === null ? 'none' : flags.eachLine === undefined ? 'json' : 'lines',
    ...(flags.array === undefined ? {} : { span: flags.array }),
    ...given({
      cpus: flags.cpus,
      memoryBytes: flags.memory,
      resources: flags.resource,
      labels: flags.on,
      priority: flags.priority,
      retries: flags.retries,
      backoffMs: flags.backoff,
      noRetry: flags.noRetry,
      timeoutMs: flags.timeout,
      after: flags.after,
      maxFails: flags.maxFails,
      limit: flags.limit,
      key: flags.key,
      env: flags.env,
    }),
    cwd,
    stdin,
    direct: flags.direct === true,
  });
  return { spec, items };
}

function workOf(flags: Flags, command: readonly string[]): Work {
  if (flags.task !== undefined) {
    if (command.length > 0) throw usage('a job is a command or a --task, not both');
    if (flags.shell) throw usage('--shell is for commands, not for a --task');
    if (flags.input !== undefined && (flags.eachLine ?? flags.eachJson) !== undefined)
      throw usage('--input and items: each item is the input');
    return { kind: 'task', argv: [], shell: false, task: flags.task, input: flags.input ?? null };
  }
  if (flags.input !== undefined) throw usage('--input is for a --task: say which');
  if (command.length === 0) throw usage('no command: put it after --, e.g. lbtop submit -- sha256sum notes.txt');
  if (command.some((argument) => argument.includes('\0'))) throw usage('an argument of the command holds a NUL');
  if (command.length > limits.arguments)
    throw usage(`a command has at most ${limits.arguments} arguments: give the rest by --each-line`);
  if (flags.shell !== true && command[0] === '') throw usage('the name of the command is empty');
  const argv = flags.shell ? [command.join(' ')] : [...command];
  return { kind: 'command', argv, shell: flags.shell === true, task: '', input: null };
}

function nameOf(work: Work): string {
  return work.kind === 'task' ? work.task : basename((work.argv[0] as string).trim().split(/\s/, 1)[0] as string);
}

/** Leaves out what is not given, so that the defaults of the model hold. */
function given<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function onlyOne(flags: Flags, keys: readonly FlagKey[]): void {
  const [first, second] = keys
    .filter((key) => flags[key] !== undefined)
    .map((key) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  if (second !== undefined) throw usage(`${first} and ${second}: choose one`);
}
