/**
 * A node: it connects to a coordinator, tells every second how the machine is, carries out the tasks that it is given,
 * and keeps what they wrote and how they ended until the coordinator has it.
 */
import { randomUUID } from 'node:crypto';
import type { LbtopError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type Clock, systemClock } from './clock.ts';
import type { AgentOptions } from './options.ts';
import { assemble, type Parts } from './parts.ts';
import { type AgentSnapshot, snapshotOf } from './snapshot.ts';

export type { AgentOptions } from './options.ts';
export type { AgentSnapshot, RunningTask } from './snapshot.ts';

export interface Agent {
  readonly name: string;
  /** Resolves when it has ended in order; rejects with LbtopError where no coordinator will have it. */
  readonly ended: Promise<void>;
  /** Ends its tasks, gives back what waits, says goodbye; resolves with `ended`. */
  stop(reason?: string): Promise<void>;
  /** The same at once, without grace for the tasks. */
  kill(): void;
  snapshot(): AgentSnapshot;
}

const leaveGraceMs = 2_000;
/** How long a leaving node waits until the coordinator has settled what it said. */
const settleMs = 2_000;

/** Starts a node. Never throws: what goes wrong rejects `ended`. */
export function startAgent(options: AgentOptions): Agent {
  const { name, log } = options;
  const clock = options.clock ?? systemClock;
  const incarnation = randomUUID();
  let parts: Parts | null = null;
  let leaving: Promise<void> | null = null;
  let hurry = (): void => {};
  const hurried = new Promise<void>((resolve) => {
    hurry = resolve;
  });

  const done = Promise.withResolvers<void>();
  // Whoever waits for it gets the error; nobody has to.
  done.promise.catch(() => {});

  const started = assemble(options, clock, incarnation, (error) => void leave(error.message, error)).then(
    (made) => {
      parts = made;
    },
    (error: unknown) => done.reject(error),
  );

  /** Once. `error`: why it has to. */
  function leave(reason: string, error: LbtopError | null = null): Promise<void> {
    leaving ??= started
      .then(() => (parts === null ? undefined : endInOrder(parts, options, clock, reason, hurried)))
      .then(
        () => (error === null ? done.resolve() : done.reject(error)),
        (problem: unknown) => done.reject(problem),
      );
    return leaving;
  }

  return {
    name,
    ended: done.promise,
    stop(reason = 'it was asked to stop') {
      log(`stopping: ${reason}`);
      return leave(reason);
    },
    kill() {
      hurry();
      void leave('it was asked to stop at once');
    },
    snapshot: () => snapshotOf(options, parts, clock),
  };
}

/** Ends tasks, then the conversation, then the rest. `hurried` resolves when there is no more time. */
async function endInOrder(
  { link, tasks, flush, workshop, close }: Parts,
  options: AgentOptions,
  clock: Clock,
  reason: string,
  hurried: Promise<void>,
): Promise<void> {
  // First of all: what is handed back must not come again.
  link.send({ kind: 'leaving', reason: reason.slice(0, limits.reasonLength) });
  tasks.close();
  const idle = tasks.stopAll('the node stops', options.leaveGraceMs ?? leaveGraceMs);
  void hurried.then(() => {
    workshop.endAll();
    void tasks.stopAll('the node stops', 0);
  });
  await Promise.race([idle, hurried.then(() => pause(clock, 500))]);
  flush();
  await Promise.race([settled(tasks, link, clock), hurried]);
  link.send({ kind: 'leave', reason: reason.slice(0, limits.reasonLength) });
  link.close(reason);
  close();
}

/** Waits until nothing is unsettled, in vain where there is nobody to settle it, and not for ever. */
async function settled(tasks: Parts['tasks'], link: Parts['link'], clock: Clock): Promise<void> {
  const end = clock.now() + settleMs;
  while (tasks.unsettled > 0 && link.state === 'open' && clock.now() < end) await pause(clock, 20);
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
