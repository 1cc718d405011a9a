/**
 * Threads that run handlers, each one call at a time. The only file that knows piscina, which makes threads, gives them
 * calls, and ends the one whose call is to end; what it leaves to us is memory beside the heap, which no limit of V8
 * covers, and a call's own words on the way (output, progress).
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { LbtopError, oneLine } from '../../model/errors.ts';
import { builtInTasks } from '../../model/job.ts';
import { limits } from '../../model/limits.ts';
import type { Clock } from '../clock.ts';
import type { Threads } from '../usage.ts';
import type { HandlerAbort, HandlerOrder, HandlerReply, HandlerRequest } from './handler-thread.ts';
import { closeCredit, giveBack, newCredit } from './output-credit.ts';
import type { StreamNumber } from './runner.ts';
import { threadMs } from './thread-time.ts';

/** How a call ended. */
export interface HandlerEnd {
  /** JSON text; null where there is an error. */
  result: string | null;
  error: string | null;
  cpuMs: number;
  peakBytes: number;
}

/** What a call tells; never before `call` has returned. */
export interface HandlerEvents {
  began(): void;
  /** False: no more until `resume`. */
  output(stream: StreamNumber, chunk: Uint8Array): boolean;
  progress(share: number, note: string): void;
  /** Once, last. */
  ended(end: HandlerEnd): void;
}

export interface HandlerCall {
  /** Aborts the handler's signal. */
  abort(why: string): void;
  /** Ends its thread: `ended` follows at once, with this error. */
  kill(error: string): void;
  resume(stream: StreamNumber): void;
}

export interface HandlerPool extends Threads {
  readonly names: readonly string[];
  call(request: Omit<HandlerRequest, 'file'>, events: HandlerEvents): HandlerCall;
  close(): void;
}

export interface HandlerPoolOptions {
  /** What exports the handlers, absolute. */
  file: string;
  /** At most so many calls at once; the others wait. */
  most: number;
  /** What one call may hold: its heap, and buffers beside it. */
  memoryBytes: number;
  /** The environment that all calls find. */
  env: Readonly<Record<string, string>>;
  clock: Clock;
}

const mebibyte = 1024 * 1024;
const loadMs = 10_000;
const idleMs = 30_000;
const watchMs = 250;
const threadFile = new URL(`./handler-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Loads the handlers of a file. Throws LbtopError (usage) where it cannot be loaded or has none that can be named. */
export async function openHandlerPool(options: HandlerPoolOptions): Promise<HandlerPool> {
  const { file, clock, memoryBytes } = options;
  const pool = new Piscina<HandlerOrder | string, string[] | undefined>({
    filename: threadFile.href,
    minThreads: 0,
    maxThreads: options.most,
    idleTimeout: idleMs,
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memoryBytes / mebibyte) },
    env: { ...options.env },
    execArgv: [],
  });
  pool.on('error', () => {}); // a thread that breaks down without a call is replaced when it is needed
  const names = await namesIn(pool, file).catch(async (error: unknown) => {
    await pool.destroy();
    throw error;
  });
  /** Threads that have begun a call: the system's id, and CPU time when it was last looked at. */
  const seen = new Map<Worker, { id: number | null; ms: number }>();
  const watched = new Set<() => void>();
  let endedMs = 0;
  let cancelWatch: (() => void) | null = null;

  function see(thread: Worker, id: number | null): void {
    if (seen.has(thread)) return;
    const one = { id, ms: 0 };
    seen.set(thread, one);
    thread.once('exit', () => {
      seen.delete(thread);
      endedMs += one.ms;
    });
  }

  function look(thread: Worker | undefined): void {
    const one = thread === undefined ? undefined : seen.get(thread);
    if (one !== undefined) one.ms = Math.max(one.ms, threadMs(one.id));
  }

  function watchAll(): void {
    cancelWatch = watched.size === 0 ? null : clock.after(watchMs, watchAll);
    for (const check of watched) check();
  }

  function call(request: Omit<HandlerRequest, 'file'>, events: HandlerEvents): HandlerCall {
    const { port1: port, port2 } = new MessageChannel();
    const credit = newCredit();
    const control = new AbortController();
    /** Bytes of each stream that were taken but not yet given back: its reader wants no more for now. */
    const unpaid = [0, 0, 0];
    let thread: Worker | undefined;
    let beganMs = 0;
    let peakBytes = 0;
    let over = false;

    function end(how: Omit<HandlerEnd, 'peakBytes'>): void {
      if (over) return;
      over = true;
      watched.delete(check);
      look(thread);
      closeCredit(credit);
      port.close();
      events.ended({ ...how, peakBytes });
    }

    function broke(error: string): void {
      const ms = thread === undefined ? 0 : Math.max(0, threadMs(seen.get(thread)?.id ?? null) - beganMs);
      end({ result: null, error, cpuMs: ms });
    }

    function take(reply: HandlerReply): void {
      if (over) return;
      switch (reply.kind) {
        case 'began':
          thread = pool.threads.find(({ threadId }) => threadId === reply.threadId);
          if (thread !== undefined) see(thread, reply.systemId);
          beganMs = threadMs(reply.systemId);
          watched.add(check);
          cancelWatch ??= clock.after(watchMs, watchAll);
          return events.began();
        case 'output': {
          const { stream, data } = reply;
          if (events.output(stream, data)) giveBack(credit, data.length);
          else unpaid[stream] = (unpaid[stream] ?? 0) + data.length;
          return;
        }
        case 'progress':
          return events.progress(reply.share, reply.note);
        case 'ended':
          return end(reply);
      }
    }

    /** Asks the thread how much it holds: it answers from within an endless loop too. */
    function check(): void {
      look(thread);
      thread?.getHeapStatistics().then(
        ({ used_heap_size: heap, external_memory: beside }) => {
          peakBytes = Math.max(peakBytes, heap + beside);
          if (heap + beside > memoryBytes) kill(tooLarge(memoryBytes));
        },
        () => {}, // it has just ended
      );
    }

    function kill(error: string): void {
      broke(error);
      control.abort();
    }

    port.on('message', take);
    const order: HandlerOrder = { ...request, file, port: port2, credit };
    pool.run(order, { name: 'call', transferList: [port2], signal: control.signal }).then(
      () => takeRest(port, take),
      (error: unknown) => {
        takeRest(port, take);
        broke(reasonOf(error, memoryBytes));
      },
    );
    return {
      abort(why) {
        if (!over) port.postMessage({ why } satisfies HandlerAbort);
      },
      kill(error) {
        if (!over) kill(error);
      },
      resume(stream) {
        const bytes = unpaid[stream] ?? 0;
        unpaid[stream] = 0;
        if (bytes > 0) giveBack(credit, bytes);
      },
    };
  }

  return {
    names,
    call,
    *threads() {
      for (const { id } of seen.values()) if (id !== null) yield id;
    },
    get endedMs() {
      return endedMs;
    },
    close() {
      cancelWatch?.();
      watched.clear();
      void pool.destroy().catch(() => {}); // of calls that waits for their ends nobody hears any more
    },
  };
}

async function namesIn(pool: Piscina, file: string): Promise<readonly string[]> {
  const bad = (why: string): LbtopError => new LbtopError('usage', `cannot use the handlers in ${file}: ${why}`);
  const late = AbortSignal.timeout(loadMs);
  const names: string[] = await pool.run(file, { name: 'names', signal: late }).catch((error: unknown) => {
    throw bad(late.aborted ? `not loaded within ${loadMs / 1_000} s` : oneLine(error));
  });
  if (names.length === 0) throw bad('it exports no functions by name (export async function NAME(input) { … })');
  const taken = names.find((name) => (builtInTasks as readonly string[]).includes(name));
  if (taken !== undefined) throw bad(`${taken} is the name of a built-in task: give it another`);
  const long = names.find((name) => name.length > limits.nameLength);
  if (long !== undefined) throw bad(`the name ${long} is longer than ${limits.nameLength} characters`);
  return names;
}

/** What was said before the thread ended, but not yet heard. */
function takeRest(port: MessagePort, take: (reply: HandlerReply) => void): void {
  for (let rest = receiveMessageOnPort(port); rest !== undefined; rest = receiveMessageOnPort(port)) take(rest.message);
}

function tooLarge(memoryBytes: number): string {
  return `used more memory than a handler may here (${Math.round(memoryBytes / mebibyte)} MiB)`;
}

/** Why a thread broke down, in the words of the handler's author. */
function reasonOf(error: unknown, memoryBytes: number): string {
  const text = oneLine(error);
  if (/memory limit|out of memory/i.test(text)) return tooLarge(memoryBytes);
  const code = /exited with code: (-?\d+)/.exec(text)?.[1];
  return code === undefined ? `its thread broke down: ${text}` : `ended its thread: process.exit(${code})`;
}
