/** What the outside says to the scheduler. Each is stamped with `at` by the shell (or the simulator, or a trace). */
import type { DisciplineName, JobSpec, PolicyName } from './job.ts';
import type { Attempt, NodeInfo, Outcome, Sample } from './node.ts';

/** What a node that joins still holds of earlier attempts. */
export interface Holding {
  running: readonly Attempt[];
  /** Received and not started. */
  waiting: readonly Attempt[];
  /** Ended, their outcome not yet acknowledged: it follows as an `outcome` event. */
  ended: readonly Attempt[];
}

/** Chooses tasks of a job: all of them, or one by its ordinal. */
export interface Target {
  job: number;
  ordinal: number | null;
}

export type Event =
  | {
      kind: 'session';
      at: number;
      version: string;
      policy: PolicyName | null;
      discipline: DisciplineName | null;
      cpuLimit: number | null;
      seed: number;
    }
  /** Time passes: liveness, deadlines, backoff. `stalled`: we were not running for a while, so silence says nothing. */
  | { kind: 'tick'; at: number; stalled: boolean }
  /** Everything that came in one turn has been handled: place what can be placed. */
  | { kind: 'dispatch'; at: number }
  | { kind: 'submit'; at: number; spec: JobSpec; by: string }
  | { kind: 'join'; at: number; node: string; incarnation: string; info: NodeInfo; address: string; holding: Holding }
  | { kind: 'heartbeat'; at: number; node: string; seen: number; sample: Sample }
  /** Bytes of any kind came from that node. */
  | { kind: 'heard'; at: number; node: string }
  | { kind: 'dropped'; at: number; node: string; reason: string }
  /** The node begins to stop: it takes nothing new, and says `leave` when it has ended what it runs. */
  | { kind: 'leaving'; at: number; node: string; reason: string }
  | { kind: 'leave'; at: number; node: string }
  | { kind: 'started'; at: number; node: string; attempt: Attempt }
  | { kind: 'progress'; at: number; node: string; attempt: Attempt; share: number; note: string }
  | { kind: 'outcome'; at: number; node: string; outcome: Outcome }
  /** The node gave a task back that it had not started. */
  | { kind: 'returned'; at: number; node: string; attempt: Attempt }
  | { kind: 'cancel'; at: number; target: Target; by: string }
  | { kind: 'retry'; at: number; target: Target; onlyFailed: boolean; by: string }
  | { kind: 'purge'; at: number; job: number }
  | { kind: 'pause'; at: number; node: string; reason: string; by: string }
  | { kind: 'drain'; at: number; node: string; now: boolean; deadline: number | null; reason: string; by: string }
  | { kind: 'resume'; at: number; node: string; reason: string; by: string }
  | { kind: 'throttle'; at: number; node: string; throttle: number; by: string }
  | { kind: 'forget'; at: number; node: string }
  | { kind: 'pause-queue'; at: number; paused: boolean; reason: string; by: string }
  | { kind: 'set-policy'; at: number; policy: PolicyName; discipline: DisciplineName | null; by: string }
  | { kind: 'set-cpu-limit'; at: number; cpuLimit: number; by: string }
  /** A request that changes something was carried out: nothing follows but that it is kept who made it. */
  | { kind: 'act'; at: number; by: string; role: string; proof: string; verb: string; about: string };

export type EventOf<K extends Event['kind']> = Extract<Event, { kind: K }>;
