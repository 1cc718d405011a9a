/** The thread that computes built-in tasks: one at a time, on request. */
import { readlinkSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { limits } from '../../model/limits.ts';
import { computations } from './computations.ts';

/** What the pool gives to a new thread. */
export interface WorkerSetup {
  /** One Int32: while it is 1, computing pauses. */
  gate: SharedArrayBuffer;
}

export interface ComputeRequest {
  task: string;
  input: unknown;
}

export type ComputeReply =
  | { kind: 'ready' /** This thread's id for the system; null where it has none. */; threadId: number | null }
  | { kind: 'done'; result: string; cpuMs: number }
  | { kind: 'failed'; error: string; cpuMs: number };

const port = parentPort;
if (port === null) throw new Error('compute-worker runs as a thread');
const gate = new Int32Array((workerData as WorkerSetup).gate);

function pace(): void {
  while (Atomics.load(gate, 0) === 1) Atomics.wait(gate, 0, 1);
}

function threadId(): number | null {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return null;
  }
}

function compute({ task, input }: ComputeRequest): string {
  const computation = computations[task];
  if (computation === undefined) throw new Error(`no task named ${task}`);
  const result = JSON.stringify(computation(input, pace));
  if (result.length > limits.resultBytes)
    throw new Error(`${task}: the result is larger than ${limits.resultBytes} bytes`);
  return result;
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

const say = (reply: ComputeReply): void => port.postMessage(reply);

port.on('message', (request: ComputeRequest) => {
  const before = cpuMs();
  try {
    const result = compute(request);
    say({ kind: 'done', result, cpuMs: cpuMs() - before });
  } catch (error) {
    say({ kind: 'failed', error: error instanceof Error ? error.message : String(error), cpuMs: cpuMs() - before });
  }
});
say({ kind: 'ready', threadId: threadId() });
