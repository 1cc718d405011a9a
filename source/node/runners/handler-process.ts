/**
 * The process that runs handlers: one call at a time, on request of handler-pool.ts. Its messages go over the channel that
 * `fork` makes; what a handler writes goes through its stdout and stderr, which make it wait while nobody reads.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { oneLine } from '../../model/errors.ts';
import type { Handler, HandlerContext } from '../../model/handler.ts';
import { limits } from '../../model/limits.ts';
import { json } from '../../model/shape.ts';
import type { StreamNumber } from './runner.ts';

/** What is called, and with what. */
export interface HandlerRequest {
  name: string;
  input: unknown;
  attempt: number;
  task: string;
  index: number;
  node: string;
  /** What the call finds in `process.env` beside what all find there. */
  env: Record<string, string>;
}

/** What the process is told. `abort` is about the call that runs. */
export type HandlerOrder = { kind: 'call'; request: HandlerRequest } | { kind: 'abort'; why: string };

/** What it says; for a call `began` first and `ended` last, unless it breaks down. */
export type HandlerReply =
  | { kind: 'loaded'; names: string[] }
  | { kind: 'unloaded'; why: string }
  | { kind: 'began' }
  | { kind: 'progress'; share: number; note: string }
  | {
      kind: 'ended';
      result: string | null;
      error: string | null;
      cpuMs: number;
      /** Bytes that the call wrote into its streams. */
      written: Record<StreamNumber, number>;
      /** False where the process may hold what the call left behind. */
      reusable: boolean;
    };

/** A call that runs, or has run: what it left behind may still be heard of. */
interface Call {
  readonly controller: AbortController;
  write(stream: StreamNumber, text: string | Uint8Array): void;
  fail(error: unknown): void;
}

const progressEveryMs = 250;
const depth = json(limits.inputDepth);
const calls = new AsyncLocalStorage<Call>();
let running: Call | null = null;
/** What exports the handlers, and the file by which one enters the control group that is meant for this process (empty: none). */
const [file = '', procs = ''] = process.argv.slice(2);
/** Pipes take what is written before these return. */
const writers = {
  1: process.stdout.write.bind(process.stdout),
  2: process.stderr.write.bind(process.stderr),
};

function say(reply: HandlerReply): void {
  process.send?.(reply);
}

function ownMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Before anything of the handlers runs. Here, not in the agent: the kernel may take 50 ms for it. */
function enterGroup(): void {
  try {
    if (procs !== '') writeFileSync(procs, '0');
  } catch {
    // It has its process group all the same.
  }
}

/** Returns the functions that the file exports by name. Throws what loading it throws. */
async function load(): Promise<Map<string, Handler>> {
  const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const named = Object.entries(exported).filter(([name, one]) => typeof one === 'function' && name !== 'default');
  return new Map(named as [string, Handler][]);
}

/** Carries out one call, to the end that it says. */
async function call(request: HandlerRequest): Promise<void> {
  const before = ownMs();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  const written = { 1: 0, 2: 0 };
  let reusable = true;
  let over = false;
  const mine: Call = {
    controller: new AbortController(),
    write(stream, text) {
      if (over) return;
      const data = typeof text === 'string' ? Buffer.from(text) : text;
      written[stream] += data.length;
      writers[stream](data);
    },
    fail(error) {
      reusable = false;
      broken.reject(error);
    },
  };
  running = mine;
  say({ kind: 'began' });
  const restore = enter(request.env);
  let result: string | null = null;
  let error: string | null = null;
  try {
    const handler = handlers.get(request.name);
    if (handler === undefined) throw new Error('it is not exported any more');
    const context = contextOf(request, mine, () => over);
    const given = calls.run(mine, async () => handler(request.input as never, context));
    result = resultText(await Promise.race([given, broken.promise]));
  } catch (problem) {
    error = `${request.name}: ${oneLine(problem)}`;
    if (problem instanceof Error && problem.stack !== undefined) mine.write(2, `${problem.stack}\n`);
  }
  over = true;
  running = null;
  restore();
  say({ kind: 'ended', result, error, cpuMs: ownMs() - before, written, reusable });
}

function contextOf(request: HandlerRequest, mine: Call, isOver: () => boolean): HandlerContext {
  const { attempt, task, index, node } = request;
  let saidAt = Number.NEGATIVE_INFINITY;
  let latest: { share: number; note: string } | null = null;
  let timer: NodeJS.Timeout | null = null;
  const tell = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (latest === null || isOver()) return;
    saidAt = performance.now();
    say({ kind: 'progress', ...latest });
    latest = null;
  };
  return {
    signal: mine.controller.signal,
    attempt,
    task,
    index,
    node,
    progress(share, note = '') {
      if (typeof share !== 'number' || Number.isNaN(share))
        throw new TypeError('progress: expected a number from 0 to 1');
      latest = { share: Math.min(1, Math.max(0, share)), note: String(note).slice(0, limits.reasonLength) };
      const waitMs = saidAt + progressEveryMs - performance.now();
      if (waitMs <= 0) tell();
      else timer ??= setTimeout(tell, waitMs).unref();
    },
    log: Object.assign((...values: unknown[]) => mine.write(1, `${format(...values)}\n`), {
      error: (...values: unknown[]) => mine.write(2, `${format(...values)}\n`),
    }),
  };
}

/** The JSON text of what a handler returned. Throws an Error that says why it has none. */
function resultText(value: unknown): string {
  if (value === undefined) return 'null';
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new Error(`the result cannot be said in JSON: ${oneLine(error)}`);
  }
  if (text === undefined) throw new Error(`the result cannot be said in JSON: it is a ${typeof value}`);
  if (text.length > limits.resultBytes)
    throw new Error(`the result is larger than ${limits.resultBytes} bytes: write it where others can read it`);
  try {
    depth.unpack(JSON.parse(text));
  } catch {
    throw new Error(`the result is nested deeper than ${limits.inputDepth}`);
  }
  return text;
}

/** Gives the call its variables; returns what takes them away again. */
function enter(env: Record<string, string>): () => void {
  const before = { ...process.env };
  Object.assign(process.env, env);
  return () => {
    for (const key of Object.keys(process.env)) if (!(key in before)) delete process.env[key];
    Object.assign(process.env, before);
  };
}

/** What is thrown where no promise is watched belongs to the call that began it; of one that is over nobody wants to know. */
function strayError(error: unknown): void {
  (calls.getStore() ?? running)?.fail(error);
}
process.on('uncaughtException', strayError);
process.on('unhandledRejection', strayError);

/** `console.log` and whatever else writes there: to the task's streams, not into the node's log. */
function redirect(target: NodeJS.WriteStream, stream: StreamNumber): void {
  target.write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
    calls.getStore()?.write(stream, chunk);
    const then = typeof encoding === 'function' ? encoding : done;
    if (typeof then === 'function') process.nextTick(then as () => void);
    return true;
  };
}
redirect(process.stdout, 1);
redirect(process.stderr, 2);

// Nobody is left to work for.
process.on('disconnect', () => process.exit());

enterGroup();
const handlers = await load().then(
  (loaded) => {
    say({ kind: 'loaded', names: [...loaded.keys()] });
    return loaded;
  },
  (error: unknown) => {
    say({ kind: 'unloaded', why: oneLine(error) });
    return new Map<string, Handler>();
  },
);
process.on('message', (order: HandlerOrder) => {
  if (order.kind === 'call') void call(order.request);
  else running?.controller.abort(new Error(order.why));
});
