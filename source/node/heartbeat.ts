/** Once a second: measures, tells, and looks whether there is still somebody to tell. */
import { liveness } from '../model/limits.ts';
import type { Sample } from '../model/node.ts';
import type { Clock } from './clock.ts';
import type { Executor } from './executor.ts';
import type { Link } from './link.ts';
import type { Sampler } from './sampler.ts';
import type { Spool } from './spool.ts';
import type { Usage } from './usage.ts';

export interface HeartbeatOptions {
  clock: Clock;
  link: Link;
  tasks: Executor;
  sampler: Sampler;
  usage: Usage;
  spool: Spool;
  /** Whether tasks are ended when the coordinator is gone. */
  endWhenLost: boolean;
  log(line: string): void;
}

export interface Heartbeat {
  /** The last one's; null before the first. */
  readonly sample: Sample | null;
  close(): void;
}

/** Tasks are ended after this share of the time after which the coordinator gives them to others. */
const leaseShare = 2 / 3;

export function heartbeat(options: HeartbeatOptions): Heartbeat {
  const { clock, link, tasks, sampler, usage, spool, log } = options;
  let sample: Sample | null = null;
  let beats = 0;
  let endedForLoss = false;

  function measure(): Sample {
    const ours = usage.measure();
    const running = [...tasks.running()].length;
    return { ...sampler.sample(ours.cpuMs), memoryOurs: ours.memoryBytes, running, waiting: tasks.waiting };
  }

  function beat(): void {
    const next = clock.now() + liveness.heartbeatMs;
    sample = measure();
    link.send({ kind: 'heartbeat', seq: ++beats, seen: tasks.seen, sample });
    spool.flush();
    if (options.endWhenLost) endIfLost();
    cancel = clock.after(next - clock.now(), beat);
  }

  /** The lease: before the coordinator gives our tasks to others, they have ended here. */
  function endIfLost(): void {
    const { downSince, heardAt } = link;
    const [since, wholeMs] =
      downSince === null ? [heardAt, liveness.lostAfterMs] : [downSince, liveness.lostAfterDropMs];
    const lost = clock.now() - since >= wholeMs * leaseShare;
    if (lost && !endedForLoss) {
      log('the coordinator is gone: ending the tasks');
      void tasks.stopAll('the coordinator was lost', wholeMs * (1 - leaseShare));
    }
    endedForLoss = lost;
  }

  // Not all nodes of a fleet at the same moment, and not before there is something to tell.
  let cancel = clock.after(liveness.heartbeatMs * (0.25 + 0.75 * Math.random()), beat);

  return {
    get sample() {
      return sample;
    },
    close: () => cancel(),
  };
}
