/** A kept shell with its two pipes and, where there are some, its control group: what one task at a time works at. */
import { performance } from 'node:perf_hooks';
import { signalGroup } from '../process-stat.ts';
import type { TaskGroup } from '../task-groups.ts';
import { closeQuietly, type NamedPipe } from './named-pipes.ts';
import { type ShellHelper, shellHelper } from './shell-helper.ts';

export interface Desk {
  readonly helper: ShellHelper;
  readonly pipes: readonly [NamedPipe, NamedPipe];
  /** What holds the shell and its task, and nobody leaves; null: there is none. */
  readonly control: TaskGroup | null;
  /** Descriptors that read from the pipes and are kept from task to task; null: to be opened. */
  descriptors: [number | null, number | null];
  busy: boolean;
  /** When its task began, or it had none any more; ms of performance.now(). */
  since: number;
  /** Opens what is to be opened; false where that cannot be. */
  openPipes(): boolean;
  /** CPU time in ms of what it has run since this was last asked. */
  account(): number;
  /** Holds the task with the shell, or lets both go on; answers whether there was somebody. */
  hold(held: boolean): boolean;
  /** False where somebody besides the shell is still there, as far as a control group can tell. */
  tidy(): boolean;
  /** Kills the shell with all that is in its groups. */
  kill(): void;
  /** The same, and it is of no use any more. Its readers, where a task has some, are that task's to close. */
  dismiss(): void;
}

export interface DeskOptions {
  env: Readonly<Record<string, string>>;
  pipes: readonly [NamedPipe, NamedPipe];
  /** For what is said to the shell, and what it says. */
  words: readonly [NamedPipe, NamedPipe];
  control: TaskGroup | null;
  /** The shell has ended. */
  ended(pid: number): void;
}

/** Throws what spawn and the file system do; returns null where the shell could not be started. */
export function openDesk({ env, pipes, words, control, ended }: DeskOptions): Desk | null {
  /** Null when another one may have it. */
  let mine = control;
  let usedMs = control?.usedMs() ?? 0;
  const helper = shellHelper(env, words, control?.procs ?? null, () => {
    mine?.kill();
    ended(helper?.pid ?? 0);
  });
  if (helper === null) return null;

  const desk: Desk = {
    helper,
    pipes,
    get control() {
      return mine;
    },
    descriptors: [null, null],
    busy: false,
    since: performance.now(),
    openPipes() {
      try {
        desk.descriptors[0] ??= pipes[0].openReader();
        desk.descriptors[1] ??= pipes[1].openReader();
        return true;
      } catch {
        return false;
      }
    },
    account() {
      if (mine === null) return helper.account();
      const before = usedMs;
      usedMs = mine.usedMs();
      return usedMs - before;
    },
    hold(held) {
      if (mine === null) return signalGroup(helper.pid, held ? 'SIGSTOP' : 'SIGCONT');
      mine.hold(held);
      return true;
    },
    tidy: () => mine?.alone(helper.pid) ?? true,
    kill() {
      helper.kill();
      mine?.kill();
    },
    dismiss() {
      desk.kill();
      mine?.giveBack();
      mine = null;
      for (const pipe of pipes) pipe.discard();
      for (const descriptor of desk.descriptors) if (descriptor !== null) closeQuietly(descriptor);
      desk.descriptors = [null, null];
    },
  };
  return desk;
}
