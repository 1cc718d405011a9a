/** A recorded session whose file was cut: it plays up to the cut, and says where that is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRecorder } from '../../source/feed/recorder.ts';
import { headBytes } from '../../source/feed/trace-format.ts';
import { openTrace, type Trace } from '../../source/feed/trace-reader.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import { memoryDisk } from '../feed/trace-disk.ts';
import { type SessionOptions, session } from '../feed/trace-session.ts';

/** Records some minutes of a small fleet, or what `given` says; returns the file's bytes. */
export async function recordedSession(given: Partial<SessionOptions> = {}): Promise<Buffer> {
  const live = session({
    nodes: 2,
    seconds: 240,
    seed: 3,
    jobsPerSecond: 0.05,
    tasksPerJob: 4,
    taskMs: 2_000,
    trouble: 0.1,
    ...given,
  });
  const disk = memoryDisk();
  const series = emptySeries();
  const recorder = startRecorder({
    ...{ file: 'memory', version: 'trial', state: live.state, series, anew: live.anew },
    ...{ log: () => {}, disk },
  });
  for (let more = true; more; )
    more = live.run((facts, event) => {
      for (const fact of facts) observe(series, live.state, fact);
      recorder.record(facts, event);
    }, 30);
  await recorder.close();
  return disk.contents();
}

function batchesOf(trace: Trace): string[] {
  const batches: string[] = [];
  for (const item of trace.items()) if (item.kind === 'facts') batches.push(JSON.stringify(item.facts));
  return batches;
}

/** Cuts it after every `step` bytes; returns how often it was opened, and where it did not play what is before the cut. */
export async function cutTrace(step: number): Promise<{ bytes: number; trials: number; wrong: string[] }> {
  const bytes = await recordedSession();
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-cut-'));
  try {
    const file = join(directory, 'cut.lbtrace');
    writeFileSync(file, bytes);
    const whole = openTrace(file);
    const batches = batchesOf(whole);
    whole.close();
    const wrong: string[] = [];
    let trials = 0;
    let played = 0;
    for (let length = headBytes; length <= bytes.length; length += step) {
      writeFileSync(file, bytes.subarray(0, length));
      const trace = openTrace(file);
      const found = batchesOf(trace);
      const prefix = found.every((batch, i) => batch === batches[i]) && found.length >= played;
      const ends = trace.cut === null || trace.cut.offset + trace.cut.bytes === length;
      if (!prefix || !ends || trace.damage.length > 0) wrong.push(`cut at ${length}: ${found.length} batches`);
      played = found.length;
      trials += 1;
      trace.close();
    }
    if (played !== batches.length && step === 1) wrong.push(`${played} of ${batches.length} batches in the whole file`);
    return { bytes: bytes.length, trials, wrong };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Prints what became of every cut. */
export async function showTraceCuts(): Promise<void> {
  const { bytes, trials, wrong } = await cutTrace(1);
  console.log(`recording of ${bytes} bytes, cut at each: ${trials} times played up to the cut, ${wrong.length} wrong`);
  for (const one of wrong.slice(0, 10)) console.log(`  ${one}`);
  if (wrong.length > 0) process.exitCode = 1;
}
