/** Threads that compute: made when they are needed, at most so many, and put away when they have been idle. */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { parseProcessStat } from '../process-stat.ts';
import type { ComputeReply, ComputeRequest, WorkerSetup } from './compute-worker.ts';

/** How a computation ended. */
export type Computed = { result: string; cpuMs: number } | { error: string; cpuMs: number };

export interface Computing {
  /** Ends it at once; `done` is not called any more. */
  stop(): void;
  hold(): void;
  release(): void;
}

export interface WorkerPool {
  /** Computes as soon as a thread is free; `began` and `done` are called later, never at once. */
  compute(request: ComputeRequest, began: () => void, done: (how: Computed) => void): Computing;
  /** Ids, for the system, of the threads that there are. */
  threads(): Iterable<number>;
  /** CPU time in ms of threads that have ended. */
  readonly endedMs: number;
  close(): void;
}

interface Order {
  request: ComputeRequest;
  began: () => void;
  done: (how: Computed) => void;
  thread: Thread | null;
  held: boolean;
}

interface Thread {
  worker: Worker;
  gate: Int32Array;
  id: number | null;
  order: Order | null;
  cancelIdle: (() => void) | null;
}

const idleMs = 30_000;
const workerFile = new URL(`./compute-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

export function workerPool(most: number, clock: Clock): WorkerPool {
  const threads = new Set<Thread>();
  const waiting: Order[] = [];
  let endedMs = 0;
  let closed = false;

  function create(): Thread {
    const shared = new SharedArrayBuffer(4);
    const setup: WorkerSetup = { gate: shared };
    const worker = new Worker(workerFile, { workerData: setup, env: {}, execArgv: [] });
    const thread: Thread = { worker, gate: new Int32Array(shared), id: null, order: null, cancelIdle: null };
    threads.add(thread);
    worker.on('message', (reply: ComputeReply) => {
      if (reply.kind === 'ready') thread.id = reply.threadId;
      else finish(thread, reply.kind === 'done' ? reply : { error: reply.error, cpuMs: reply.cpuMs });
    });
    worker.on('error', (error) => lost(thread, `the computation broke down: ${error.message}`));
    worker.on('exit', () => lost(thread, 'the computation broke down: its thread ended'));
    return thread;
  }

  function finish(thread: Thread, how: Computed): void {
    const order = thread.order;
    thread.order = null;
    if (order !== null) {
      order.thread = null;
      order.done(how);
    }
    // Whoever was told may have asked for the next one already, which then has this thread, or have closed the pool.
    if (thread.order === null && threads.has(thread)) next(thread);
  }

  function next(thread: Thread): void {
    const order = waiting.shift();
    if (order !== undefined) return give(thread, order);
    thread.worker.unref();
    thread.cancelIdle = clock.after(idleMs, () => discard(thread));
  }

  function give(thread: Thread, order: Order): void {
    thread.cancelIdle?.();
    thread.cancelIdle = null;
    thread.order = order;
    order.thread = thread;
    thread.worker.ref();
    setGate(thread, order.held);
    thread.worker.postMessage(order.request);
    process.nextTick(order.began);
  }

  function discard(thread: Thread): void {
    if (!threads.delete(thread)) return;
    thread.cancelIdle?.();
    endedMs += threadMs(thread.id);
    void thread.worker.terminate();
  }

  function lost(thread: Thread, error: string): void {
    const order = thread.order;
    thread.order = null;
    discard(thread);
    order?.done({ error, cpuMs: 0 });
    replace();
  }

  function replace(): void {
    if (waiting.length > 0 && threads.size < most && !closed) next(create());
  }

  return {
    compute(request, began, done) {
      const order: Order = { request, began, done, thread: null, held: false };
      const idle = waiting.length > 0 ? undefined : [...threads].find((one) => one.order === null);
      if (idle !== undefined) give(idle, order);
      else if (threads.size < most) give(create(), order);
      else waiting.push(order);
      const gate = (held: boolean): void => {
        order.held = held;
        if (order.thread !== null) setGate(order.thread, held);
      };
      return {
        stop() {
          const place = waiting.indexOf(order);
          if (place >= 0) waiting.splice(place, 1);
          const { thread } = order;
          if (thread === null) return;
          order.thread = null;
          thread.order = null;
          discard(thread);
          replace();
        },
        hold: () => gate(true),
        release: () => gate(false),
      };
    },
    *threads() {
      for (const { id } of threads) if (id !== null) yield id;
    },
    get endedMs() {
      return endedMs;
    },
    close() {
      closed = true;
      waiting.length = 0;
      for (const thread of [...threads]) discard(thread);
    },
  };
}

function setGate({ gate }: Thread, held: boolean): void {
  Atomics.store(gate, 0, held ? 1 : 0);
  if (!held) Atomics.notify(gate, 0);
}

function threadMs(id: number | null): number {
  if (id === null) return 0;
  try {
    return parseProcessStat(readFileSync(`/proc/self/task/${id}/stat`, 'latin1'))?.ownMs ?? 0;
  } catch {
    return 0;
  }
}
