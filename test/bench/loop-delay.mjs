/**
 * Loaded into a process by `--import`: says at its end how late its event loop was, in ms, and for how long it was
 * ever blocked. On a machine with more work than cores a process is late because it waits for a core: Linux counts that
 * (run_delay in /proc/PID/schedstat, Documentation/scheduler/sched-stats.rst), and it is not what blocks a loop. Neither
 * is what the host of a virtual machine takes from its cores (steal in /proc/stat, in ticks): where it took any since
 * the last look at it, the time of the core that lost most does not count.
 * SIGUSR2: it says so then too, and begins anew. With LOOP_DELAY_FROM=signal it does not look before the first of them:
 * looking 200 times a second takes some of a core itself.
 */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const periodMs = 5;
const file = process.env.LOOP_DELAY_FILE;
const bytes = Buffer.alloc(128);
const stat = open('/proc/self/schedstat');
const cores = open('/proc/stat');
/** The text about all cores is longer than that about one thread, and worth a look when something is late, or now and then. */
const stolenEvery = 4;
const coreBytes = Buffer.alloc(16 * 1024);
const tickMs = 10;
const delay = monitorEventLoopDelay({ resolution: periodMs });
let blocked = 0;

function open(path) {
  try {
    return openSync(path, 'r');
  } catch {
    return null; // no Linux: all of it counts as blocked
  }
}

/** How long the main thread has waited for a core, in ms. */
function waitedMs() {
  if (stat === null) return 0;
  const text = bytes.latin1Slice(0, readSync(stat, bytes, 0, bytes.length, 0));
  return Number(text.split(' ')[1]) / 1e6;
}

/** How long the host has taken each core away, in ms. */
function stolenMs() {
  if (cores === null) return [];
  const text = coreBytes.latin1Slice(0, readSync(cores, coreBytes, 0, coreBytes.length, 0));
  return [...text.matchAll(/^cpu\d+((?: \d+)+)$/gm)].map(([, counts]) => Number(counts.split(' ')[8]) * tickMs);
}

/** The time, and how long was waited until then: it may have to wait between the two looks. */
function look() {
  for (;;) {
    const [before, now, after] = [waitedMs(), performance.now(), waitedMs()];
    if (before === after) return [now, after];
  }
}

function watch() {
  delay.enable();
  let [at, waited] = look();
  let stolen = stolenMs();
  let looks = 0;
  setInterval(() => {
    const [now, nowWaited] = look();
    let lateMs = now - at - periodMs - (nowWaited - waited);
    if (lateMs > blocked || ++looks % stolenEvery === 0) {
      const nowStolen = stolenMs();
      lateMs -= Math.max(0, ...nowStolen.map((ms, core) => ms - (stolen[core] ?? ms)));
      stolen = nowStolen;
    }
    blocked = Math.max(blocked, lateMs);
    [at, waited] = look();
  }, periodMs).unref();
}

let watching = process.env.LOOP_DELAY_FROM !== 'signal';
// What starts up is not yet at work.
if (watching) setTimeout(watch, 2_000).unref();
function tell() {
  const ms = (ns) => Math.max(0, ns / 1e6 - periodMs);
  const late = { maxMs: ms(delay.max), p99Ms: ms(delay.percentile(99)) };
  if (file) writeFileSync(`${file}-${process.pid}`, JSON.stringify({ ...late, blockedMs: blocked }));
}

process.on('SIGUSR2', () => {
  if (!watching) watch();
  watching = true;
  tell();
  delay.reset();
  blocked = 0;
});
process.on('exit', () => {
  if (stat !== null) closeSync(stat);
  if (cores !== null) closeSync(cores);
  tell();
});
