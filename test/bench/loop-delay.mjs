/** Loaded into a process by `--import`: says at its end how long its event loop was ever blocked, in ms. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 5;
const file = process.env.LOOP_DELAY_FILE;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });
// What starts up is not yet at work.
setTimeout(() => delay.enable(), 2_000).unref();
process.on('exit', () => {
  const ms = (ns) => Math.max(0, ns / 1e6 - resolutionMs);
  if (file)
    writeFileSync(`${file}-${process.pid}`, JSON.stringify({ maxMs: ms(delay.max), p99Ms: ms(delay.percentile(99)) }));
});
