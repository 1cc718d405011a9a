import type { Outcome } from '../model/node.ts';
import type { Credential } from '../wire/credential.ts';
import type { Clock } from './clock.ts';
import type { HouseRules } from './house-rules.ts';
import type { Address, Dial, LeaderAddress } from './link.ts';

/** What a node is told when it starts. */
export interface AgentOptions {
  /** Tried in turn; at least one, unless there is a `leader`. */
  coordinators: readonly Address[];
  /** Who leads, where somebody else knows. */
  leader?: LeaderAddress | undefined;
  name: string;
  /** Tasks of one CPU that run at once; null: as many as there are cores. */
  slots: number | null;
  labels: Record<string, string>;
  resources: Record<string, number>;
  /** 0.05–1: the share of time that tasks may run. */
  throttle: number;
  /** CPU percentage above which it wants nothing new; null: the coordinator's. */
  cpuLimit: number | null;
  /** What becomes of running tasks when the coordinator is gone: they go on, or they are ended before it may give them to another node. */
  onCoordinatorLost: 'finish' | 'kill';
  /** Where outcomes survive this process; null: nowhere. Each name has a directory of its own in it. */
  stateDir: string | null;
  /** A file that exports JavaScript handlers, absolute; none if not given. */
  handlers?: string | null;
  /** What it does not do, whoever asks; nothing if not given. */
  rules?: HouseRules;
  /** Where it takes tasks directly from clients; nowhere if not given. */
  listen?: Address | null;
  /** What it shows; null: the coordinator runs without protection. */
  secret: Credential | null;
  /** Returns what to show when it connects again: it may have been changed meanwhile. `secret` if not given. */
  secretAgain?: () => Promise<Credential | null>;
  version: string;
  log(line: string): void;
  /** Is told each attempt that ended here. */
  ended?: (outcome: Outcome) => void;
  /** Instead of TCP, for tests. */
  dial?: Dial;
  clock?: Clock;
  /** False: every process is started by child_process, none by a kept shell. */
  shells?: boolean;
  /** False: tasks are not held by control groups, as on a system that gives none. */
  controlGroups?: boolean;
  /** Between SIGTERM and SIGKILL of a task that is to end; killing.graceMs if not given. */
  graceMs?: number;
  /** The same when the node itself ends; 2 s if not given. */
  leaveGraceMs?: number;
}
