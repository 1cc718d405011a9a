/** The thread that runs handlers: one call at a time, on request of handler-pool.ts. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { type MessagePort, threadId } from 'node:worker_threads';
import { oneLine } from '../../model/errors.ts';
import type { Handler, HandlerContext } from '../../model/handler.ts';
import { limits } from '../../model/limits.ts';
import { json } from '../../model/shape.ts';
import { type Credit, spend } from './output-credit.ts';
import type { StreamNumber } from './runner.ts';
import { ownThreadMs, systemThreadId } from './thread-time.ts';

/** What is called, and with what. */
export interface HandlerRequest {
  /** The file that exports it, absolute. */
  file: string;
  name: string;
  input: unknown;
  attempt: number;
  task: string;
  index: number;
  node: string;
  /** What the call finds in `process.env` beside what all find there. */
  env: Record<string, string>;
}

/** A request on its way to the thread, with what it answers by. */
export interface HandlerOrder extends HandlerRequest {
  port: MessagePort;
  credit: Credit;
}

/** What the thread says on the call's port; `ended` last, unless it breaks down. */
export type HandlerReply =
  | { kind: 'began'; threadId: number; systemId: number | null }
  | { kind: 'output'; stream: StreamNumber; data: Uint8Array }
  | { kind: 'progress'; share: number; note: string }
  | { kind: 'ended'; result: string | null; error: string | null; cpuMs: number };

/** What the thread is told there. */
export interface HandlerAbort {
  why: string;
}

/** A call that runs, or has run: what it left behind may still be heard of. */
interface Call {
  write(stream: StreamNumber, text: string | Uint8Array): void;
  fail(error: unknown): void;
}

const progressEveryMs = 250;
const depth = json(limits.inputDepth);
const calls = new AsyncLocalStorage<Call>();
let running: Call | null = null;

function say(port: MessagePort, reply: HandlerReply): void {
  port.postMessage(reply);
}

/** Returns the functions that a file exports by name. Throws what loading it throws. */
async function load(file: string): Promise<Map<string, Handler>> {
  const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const named = Object.entries(exported).filter(([name, one]) => typeof one === 'function' && name !== 'default');
  return new Map(named as [string, Handler][]);
}

/** The names of the handlers in a file, for the node to announce. Throws what loading it throws. */
export async function names(file: string): Promise<string[]> {
  return [...(await load(file)).keys()];
}

/** Carries out one call. Resolves when `ended` was said. */
export async function call(order: HandlerOrder): Promise<void> {
  const { port, credit, name } = order;
  const before = ownThreadMs();
  const controller = new AbortController();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  let stray = false;
  let over = false;
  const mine: Call = {
    write(stream, text) {
      const data = typeof text === 'string' ? Buffer.from(text) : text;
      for (let from = 0; from < data.length && !over; from += limits.outputPieceBytes) {
        const piece = data.subarray(from, from + limits.outputPieceBytes);
        if (!spend(credit, piece.length)) return;
        // A copy of its own: small buffers are views of one that many share.
        say(port, { kind: 'output', stream, data: Uint8Array.from(piece) });
      }
    },
    fail(error) {
      stray = true;
      broken.reject(error);
    },
  };
  running = mine;
  say(port, { kind: 'began', threadId, systemId: systemThreadId() });
  port.on('message', ({ why }: HandlerAbort) => controller.abort(new Error(why)));
  const restore = enter(order.env);
  let result: string | null = null;
  let error: string | null = null;
  try {
    const handler = (await load(order.file)).get(name);
    if (handler === undefined) throw new Error(`${name} is not exported any more`);
    const context = contextOf(order, controller.signal, mine, () => over);
    const given = calls.run(mine, async () => handler(order.input as never, context));
    result = resultText(await Promise.race([given, broken.promise]));
  } catch (problem) {
    error = `${name}: ${oneLine(problem)}`;
    if (problem instanceof Error && problem.stack !== undefined) mine.write(2, `${problem.stack}\n`);
  }
  over = true;
  running = null;
  restore();
  say(port, { kind: 'ended', result, error, cpuMs: ownThreadMs() - before });
  port.close();
  // What threw outside of its own promise may have left anything: nobody else gets this thread.
  if (stray) process.exit();
}

function contextOf(order: HandlerOrder, signal: AbortSignal, mine: Call, isOver: () => boolean): HandlerContext {
  const { port, attempt, task, index, node } = order;
  let saidAt = Number.NEGATIVE_INFINITY;
  let latest: { share: number; note: string } | null = null;
  let timer: NodeJS.Timeout | null = null;
  const tell = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (latest === null || isOver()) return;
    saidAt = performance.now();
    say(port, { kind: 'progress', ...latest });
    latest = null;
  };
  return {
    signal,
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
