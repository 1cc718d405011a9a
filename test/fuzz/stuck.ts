/** Tells of a case that never ends: the thread that takes it no longer can. */
import { Worker } from 'node:worker_threads';
import type { Target } from './campaign.ts';

const watch = `
const { parentPort, workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const [seed, name, mostMs] = workerData;
let last = -1;
let cpuMs = 0;
// Of the processor, so that a machine that is busy elsewhere makes nothing stuck.
const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
setInterval(() => {
  const now = Atomics.load(seed, 0);
  if (now !== last) { last = now; cpuMs = used(); return; }
  if (used() - cpuMs < mostMs) return;
  writeSync(2, name + ': seed ' + now + ' does not end\\n');
  process.kill(process.pid, 'SIGKILL');
}, 1_000);
`;

/** Returns the target, watched until it is disposed of: where a case takes that long, it is told and the process ends. */
export function watched<C>(target: Target<C>, mostMs = 30_000): { target: Target<C> } & AsyncDisposable {
  const seeds = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(watch, { eval: true, workerData: [seeds, target.name, mostMs] });
  return {
    target: {
      ...target,
      make(seed) {
        Atomics.store(seeds, 0, seed);
        return target.make(seed);
      },
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
