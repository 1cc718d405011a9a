/** A generated session in a real recording: the real scheduler in virtual time, through the coordinator's own recorder. */
import { setImmediate as turn } from 'node:timers/promises';
import { startRecorder } from '../../source/feed/recorder.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import { type Session, session } from '../feed/trace-session.ts';

export interface DaySize {
  hours: number;
  nodes: number;
  tasksPerSecond: number;
}

/** What recording it took: facts, ms of wall time on the recorder's loop in all, and the longest stretch at once. */
export interface DayRecorded {
  facts: number;
  recordMs: number;
  worstMs: number;
}

/** Returns a day, or what `size` says, that has not begun. */
export function newDay({ hours, nodes, tasksPerSecond }: DaySize): Session {
  const tasksPerJob = 250;
  return session({
    nodes,
    seconds: hours * 3_600,
    jobsPerSecond: tasksPerSecond / tasksPerJob,
    tasksPerJob,
    taskMs: 20_000,
    failures: 0.005,
    trouble: 0.002,
  });
}

/** Records a day into a file that is not there yet. Resolves when it is all in it. */
export async function recordDay(file: string, size: DaySize): Promise<DayRecorded> {
  const day = newDay(size);
  const series = emptySeries();
  const recorder = startRecorder({
    ...{ file, version: 'bench', state: day.state, series, anew: day.anew },
    log: (line) => console.log(line),
  });
  const done: DayRecorded = { facts: 0, recordMs: 0, worstMs: 0 };
  for (let more = true; more; ) {
    more = day.run((batch, event) => {
      for (const fact of batch) observe(series, day.state, fact);
      done.facts += batch.length;
      const before = performance.now();
      recorder.record(batch, event);
      const took = performance.now() - before;
      done.recordMs += took;
      if (took > done.worstMs) done.worstMs = took;
    }, 60);
    while (recorder.status().waitingBytes > 4e6) await turn();
  }
  await recorder.close();
  return done;
}
