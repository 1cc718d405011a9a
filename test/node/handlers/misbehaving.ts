/** Handlers for tests: well-behaved ones, and one for each way to go wrong. */
import { readFileSync } from 'node:fs';
import type { Handler } from '../../../source/model/handler.ts';

/** When this file is loaded, its process is where it belongs. */
const groupAtLoad = process.platform === 'linux' ? readFileSync('/proc/self/cgroup', 'latin1') : '';
export const whereLoaded: Handler = () => groupAtLoad;

export const double: Handler<number> = (input) => input * 2;

export const describeCall: Handler = (_input, { attempt, task, index, node }) => ({
  attempt,
  task,
  index,
  node,
  job: process.env.LBTOP_JOB_ID ?? null,
  given: process.env.GIVEN ?? null,
  secret: process.env.CANARY ?? null,
});

export const talk: Handler = (_input, { log }) => {
  log('to %s', 'stdout');
  log.error('to stderr');
  console.log('by console');
  process.stderr.write(Buffer.from([0xff, 0x0a]));
};

export const steps: Handler<number> = async (count, { progress }) => {
  for (let step = 1; step <= count; step++) {
    progress(step / count, `step ${step}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise(() => {});
};

export const flood: Handler<number> = (mebibytes, { log }) => {
  const line = 'x'.repeat(1023);
  for (let i = 0; i < mebibytes * 1024; i++) log(line);
};

export const polite: Handler = (_input, { signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cleaned up'))));

export const throws: Handler = () => {
  throw new Error('boom');
};
export const throwsText: Handler = () => Promise.reject('not an Error');
export const throwsLater: Handler = () => {
  setTimeout(() => {
    throw new Error('later');
  }, 1);
  return new Promise(() => {});
};
export const rejectsAside: Handler = () => {
  void Promise.reject(new Error('aside'));
  return new Promise(() => {});
};
export const throwsAfterwards: Handler = () => {
  setTimeout(() => {
    throw new Error('too late to matter');
  }, 20);
};
export const waits: Handler<number> = (ms) => new Promise((resolve) => setTimeout(() => resolve(null), ms));
export const never: Handler = () => new Promise(() => {});
export const blocks: Handler = () => {
  for (;;);
};
export const exits: Handler<number> = (code) => process.exit(code);
export const fillsHeap: Handler = () => {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(1_000).fill(kept.length));
};
export const fillsBuffers: Handler = () => {
  const kept: Buffer[] = [];
  for (;;) if (kept.length < 60) kept.push(Buffer.alloc(10 * 1024 * 1024, 1));
};
export const givesBigInt: Handler<never, never> = () => 1n as never;
export const givesFunction: Handler<never, never> = () => (() => {}) as never;
export const givesCircle: Handler<never, never> = () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  return circle as never;
};
export const givesMuch: Handler = () => 'x'.repeat(2 * 1024 * 1024);
export const givesDepth: Handler = () => {
  let deep: unknown[] = [];
  for (let i = 0; i < 100; i++) deep = [deep];
  return deep as never;
};
export const echo: Handler = (input) => input;
