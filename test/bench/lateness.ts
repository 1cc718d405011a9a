/**
 * What an attached interface does to the loop that the scheduler runs on: how late a timer of 5 ms is there (p99), without
 * an interface and with one, in turn, while every one of a thousand nodes changes with every window. Beside it stands the
 * lateness less the time in which this thread wanted a core and had none: what a machine that nobody else uses would show.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeSession } from '../ui/fixtures/session.ts';
import { loopTime } from './core-time.ts';
import { drawn, ended, face, quantile } from './frame.ts';

/** ms by which a timer was late each time, and those of them with a core. */
interface Lateness {
  wallMs: number[];
  ownMs: number[];
}

const timerMs = 5;
const rounds = 3;
const roundMs = 6_000;

async function watch(into: Lateness): Promise<void> {
  const until = performance.now() + roundMs;
  while (performance.now() < until) {
    const { waitedMs } = loopTime('self');
    const due = performance.now() + timerMs;
    await sleep(timerMs);
    const late = performance.now() - due;
    into.wallMs.push(late);
    into.ownMs.push(Math.max(0, late - (loopTime('self').waitedMs - waitedMs)));
  }
}

/** Prints p99 without and with an interface at each of some rates, and how many times the one is of the other. */
export async function benchLateness(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-lateness-'));
  const session = fakeSession({ nodes: 1_000, slots: 2 });
  session.advance(3_000);
  const there = await face(session, directory);
  const without: Lateness = { wallMs: [], ownMs: [] };
  const during: Lateness = { wallMs: [], ownMs: [] };
  try {
    for (let round = 0; round < rounds; round++) {
      await watch(without);
      const one = there.attach(4);
      await drawn(one, 8);
      await watch(during);
      await ended(one);
    }
    console.log(`a timer of ${timerMs} ms, 1000 nodes, an interface at 4 windows a second; p99 of ${rounds} rounds:`);
    for (const [what, of] of [
      ['as it was', 'wallMs'],
      ['less waits for a core', 'ownMs'],
    ] as const) {
      const [base, attached] = [quantile(without[of], 0.99), quantile(during[of], 0.99)];
      console.log(
        `  ${what.padEnd(22)} ${base.toFixed(2)} ms late without, ${attached.toFixed(2)} ms with: ${(attached / base).toFixed(1)} times`,
      );
    }
  } finally {
    await there.close();
    await rm(directory, { recursive: true, force: true });
  }
}
