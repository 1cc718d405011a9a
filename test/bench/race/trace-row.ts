/** W9: what a recorded session takes on disk, and how fast it is played. */
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { summarise } from '../../../source/feed/summary.ts';
import { type Fact, isLasting } from '../../../source/model/fact.ts';
import { apply } from '../../../source/scheduler/apply.ts';
import { emptyState, type State } from '../../../source/scheduler/state.ts';
import { newDay, recordDay } from '../recorded-day.ts';
import type { Row } from './row.ts';

const size = (seconds: number) => ({ hours: Math.min(1, seconds), nodes: 100, tasksPerSecond: 6 });

/** The same facts as lines of JSON, compressed: heartbeats and the rest in files of their own, to know what each takes. */
async function asJson(directory: string, seconds: number): Promise<{ beats: number; ended: number }> {
  const counts = { beats: 0, ended: 0 };
  const facts = (wanted: (fact: Fact) => boolean) =>
    function* (): Generator<string> {
      const day = newDay(size(seconds));
      for (let more = true; more; ) {
        let text = '';
        more = day.run((batch) => {
          for (const fact of batch) if (wanted(fact)) text += `${JSON.stringify(fact)}\n`;
        }, 60);
        yield text;
      }
    };
  const write = (name: string, wanted: (fact: Fact) => boolean) =>
    pipeline(facts(wanted), createGzip({ level: 6 }), createWriteStream(join(directory, name)));
  await write('beats.gz', (fact) => {
    if (fact.kind === 'sampled') counts.beats += 1;
    return fact.kind === 'sampled';
  });
  await write('rest.gz', (fact) => {
    if (fact.kind === 'ended') counts.ended += 1;
    return fact.kind !== 'sampled' && isLasting(fact);
  });
  return counts;
}

async function playJson(file: string, state: State): Promise<number> {
  let facts = 0;
  const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()) });
  for await (const line of lines) {
    const fact = JSON.parse(line) as Fact;
    // A node that has left since has no state any more.
    if (fact.kind !== 'sampled' || state.nodes.has(fact.node)) apply(state, fact);
    facts += 1;
  }
  return facts;
}

export const w9: Row = {
  id: 'w9',
  title: 'Recording and replay',
  work: 'An hour of 100 nodes with 6 tasks a second in virtual time, recorded, then played at full speed into the state that an interface shows.',
  measures: [
    { name: 'heartbeat', unit: 'bytes a heartbeat', better: 'less' },
    { name: 'task', unit: 'bytes a task with all that led to it', better: 'less' },
    { name: 'replay', unit: 'facts/s played', better: 'more' },
  ],
  rounds: 3,
  sides: [
    {
      ...{ name: 'lbtop', ours: true, tuned: 'the trace as `--record` writes it', missing: () => null },
      async start(directory) {
        await mkdir(directory, { recursive: true });
        let recorded = '';
        return {
          async round(seconds) {
            if (recorded === '') {
              recorded = join(directory, 'hour.lbtrace');
              await recordDay(recorded, size(seconds));
            }
            const from = performance.now();
            const { heartbeats, events, bytesPerHeartbeat, bytesPerTask } = await summarise(recorded);
            const replay = ((heartbeats + events) / (performance.now() - from)) * 1_000;
            return { heartbeat: bytesPerHeartbeat ?? Number.NaN, task: bytesPerTask ?? Number.NaN, replay };
          },
          async stop() {},
        };
      },
    },
    {
      ...{ name: 'JSON lines, gzip', ours: false, missing: () => null },
      tuned: 'the same facts, a line each, gzip -6; played: unpacked, parsed, applied to the state',
      async start(directory) {
        await mkdir(directory, { recursive: true });
        let counts: { beats: number; ended: number } | null = null;
        return {
          async round(seconds) {
            counts ??= await asJson(directory, seconds);
            const [beats, rest] = [join(directory, 'beats.gz'), join(directory, 'rest.gz')];
            const from = performance.now();
            const state = emptyState();
            const facts = (await playJson(rest, state)) + (await playJson(beats, state));
            const replay = (facts / (performance.now() - from)) * 1_000;
            return { heartbeat: statSync(beats).size / counts.beats, task: statSync(rest).size / counts.ended, replay };
          },
          async stop() {},
        };
      },
    },
  ],
  goals: [
    { text: 'under 24 bytes a heartbeat', side: 'lbtop', measure: 'heartbeat', most: 24 },
    { text: 'over a million facts/s', side: 'lbtop', measure: 'replay', least: 1_000_000 },
  ],
  headlines: [
    ['lbtop', 'heartbeat'],
    ['lbtop', 'replay'],
  ],
};
