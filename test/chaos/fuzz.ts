/** `npm run chaos -- fuzz [--frames N] [--traces N] [--strings N] [--journals N] [--from SEED]`: the campaigns at full size. */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { batchTarget } from '../fuzz/batches.ts';
import { type Campaign, campaign, type Target } from '../fuzz/campaign.ts';
import { frameTarget } from '../fuzz/frames.ts';
import { stringTarget } from '../fuzz/strings.ts';
import { watched } from '../fuzz/stuck.ts';
import { traceTarget } from '../fuzz/traces.ts';

/** Memory that may be more at the end than after the first cases. */
const mostGrownBytes = 50 * 2 ** 20;

/** Runs them and prints what came of each. */
export async function showFuzz(args: readonly string[]): Promise<void> {
  // What is only garbage is no growth.
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc') as typeof globalThis.gc;
  const options = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { frames: options, traces: options, strings: options, journals: options, from: options },
  });
  const chosen = ['frames', 'traces', 'strings', 'journals'].some((name) => name in values);
  const count = (name: 'frames' | 'traces' | 'strings' | 'journals', usual: number) =>
    Number(values[name] ?? (chosen ? 0 : usual));
  const first = Number(values.from ?? 1);
  const enough = new AbortController();
  process.once('SIGTERM', () => enough.abort()); // what was seen by then is told
  const { signal } = enough;
  const sizes = {
    frames: count('frames', 1_000_000),
    traces: count('traces', 100_000),
    strings: count('strings', 1_000_000),
    journals: count('journals', 100_000),
  };
  const run = async <C>(target: Target<C>, cases: number): Promise<void> => {
    await using watching = watched(target);
    tell(await campaign(watching.target, cases, first, signal));
  };
  if (sizes.frames > 0) await run(frameTarget(), sizes.frames);
  if (sizes.strings > 0) await run(stringTarget(), sizes.strings);
  if (sizes.journals > 0) await run(batchTarget(), sizes.journals);
  if (sizes.traces > 0) {
    const traces = await traceTarget();
    try {
      await run(traces, sizes.traces);
    } finally {
      traces.close();
    }
  }
}

function tell({ name, cases, tookMs, outcomes, crashes, hangs, slowestMs, grownBytes }: Campaign): void {
  const said = Object.entries(outcomes)
    .toSorted(([, a], [, b]) => b - a)
    .map(([outcome, many]) => `${many} ${outcome}`);
  console.log(
    `${cases} ${name} in ${Math.round(tookMs / 1_000)} s: ${crashes.length} crashes, ${hangs.length} longer than 50 ms ` +
      `(slowest ${slowestMs.toFixed(1)} ms), ${Math.round(grownBytes / 2 ** 20)} MiB more memory; ${said.join(', ')}`,
  );
  for (const { seed, error, hex } of crashes) console.log(`  seed ${seed}: ${error}\n  ${hex.slice(0, 2_000)}`);
  for (const { seed, ms, hex } of hangs) console.log(`  seed ${seed}: ${ms.toFixed(0)} ms\n  ${hex.slice(0, 200)}`);
  if (crashes.length > 0 || hangs.length > 0 || grownBytes > mostGrownBytes) process.exitCode = 1;
}
