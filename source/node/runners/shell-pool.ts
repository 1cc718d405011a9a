/**
 * Starts processes by shells that are kept: many times as fast as child_process, which copies the agent's page tables
 * for each and blocks its event loop meanwhile. What a shell is not the right one for goes to child_process.
 */
import os from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Clock } from '../clock.ts';
import { type ProcessStat, signalGroup, tickMs } from '../process-stat.ts';
import { shortText } from '../short-text.ts';
import type { TaskGroups } from '../task-groups.ts';
import type { ChildrenCpu } from './children-cpu.ts';
import { lastWords } from './last-words.ts';
import type { NamedPipe, NamedPipes } from './named-pipes.ts';
import { inOwnTurn } from './own-turn.ts';
import { pipeReader } from './pipe-reader.ts';
import type { StreamNumber } from './runner.ts';
import { type Desk, openDesk } from './shell-desk.ts';
import type { ShellAnswer } from './shell-helper.ts';
import { plainLine, programPath, shellLine } from './shell-line.ts';
import { probeShell, type ShellUse } from './shell-probe.ts';
import type { GroupRegistry, Launch, ProcessEvents, ProcessHandle, Starter } from './starter.ts';

export interface ShellPoolOptions {
  pipes: NamedPipes;
  /** What every task has in its environment, and the shells too. */
  env: Readonly<Record<string, string>>;
  /** For what is not for a shell. */
  otherwise: Starter;
  registry: GroupRegistry;
  /** null: the system gives us none. */
  groups: TaskGroups | null;
  cpu: ChildrenCpu;
  clock: Clock;
  /** False: everything goes to `otherwise`. */
  enabled: boolean;
  /** So many shells are started before the first task comes. */
  ready: number;
}

export interface ShellPool extends Starter {
  /** The shells, by pid. */
  readonly pids: { has(pid: number): boolean; keys(): Iterable<number> };
  /** CPU time in ms of all that the living shells have run. */
  totalMs(): number;
  /** Given the members of the shells' groups: ends those that a task left behind. */
  tidy(members: readonly ProcessStat[]): void;
  /** True where a task has ended since it was last asked: only then somebody can have been left behind. */
  untidy(): boolean;
}

/**
 * When it is first looked at what a running task has written, and then after twice as long. The event loop reads it where
 * there was something, and at the latest after the last look: it takes 100 µs to have that arranged, as much as a short task is
 * worth in all.
 */
const firstLookMs = 10;
const lastLookMs = 40;
/** How long the file system's answers are believed. */
const checkMs = 1_000;
/** After so long without use somebody may have cleaned the directory of temporary files. */
const restMs = 60_000;
/** Members of a group that began so long before its task are not of that task: the kernel counts in ticks of 10 ms. */
const olderMs = 50;

export function shellPool(options: ShellPoolOptions): ShellPool {
  const { pipes, env, otherwise, registry, groups, cpu, clock } = options;
  const desks = new Map<number, Desk>();
  const idle: Desk[] = [];
  const checked = new Map<string, string | null>();
  let checkedAt = 0;
  /** What the shell of this machine is good for. */
  let use: ShellUse | 'unknown' | 'asked' = options.enabled ? 'unknown' : 'none';
  let endedSinceTidy = false;
  let closed = false;

  function start(launch: Launch, events: ProcessEvents): ProcessHandle {
    if (use === 'unknown') probe();
    const path = use === 'plain' || use === 'subshells' ? pathOf(launch) : null;
    const desk = path === null ? null : takeDesk();
    if (path === null || desk === null) return otherwise.start(launch, events);
    const [stdout, stderr] = desk.pipes;
    const plain =
      use === 'plain' && desk.helper.countsWords ? plainLine(launch, env, path, stdout.path, stderr.path) : null;
    const line = plain ?? shellLine(launch, env, stdout.path, stderr.path);
    if (line === null) idle.push(desk);
    else if (desk.openPipes()) return work(desk, line, plain !== null, events);
    else desk.dismiss();
    return otherwise.start(launch, events);
  }

  /** Where the program is: asks the file system, or remembers what it said a moment ago. null: it cannot be started. */
  function pathOf(launch: Launch): string | null {
    const now = performance.now();
    if (now - checkedAt > checkMs) {
      checked.clear();
      checkedAt = now;
    }
    const key = `${launch.argv[0]}\0${launch.cwd}\0${launch.env.PATH}`;
    const known = checked.get(key);
    if (known !== undefined) return known;
    const path = programPath(launch);
    checked.set(key, path);
    return path;
  }

  function makeDesk(): Desk | null {
    const two = pipes.takeTwo();
    const words = pipes.takeTwo();
    if (two === null || words === null) {
      for (const pipe of two ?? []) pipe.giveBack();
      return null;
    }
    const control = groups?.take() ?? null;
    let desk: Desk | null = null;
    try {
      desk = openDesk({ env, pipes: two, words, control, ended });
    } catch {
      // As where it says that it could not.
    }
    for (const pipe of words) pipe.discard(); // whoever has it open keeps it
    if (desk === null) {
      for (const pipe of two) pipe.giveBack();
      control?.giveBack();
      return null;
    }
    registry.began(desk.helper.pid);
    desks.set(desk.helper.pid, desk);
    return desk;
  }

  function ended(pid: number): void {
    registry.gone(pid);
    cpu.disturbed();
    desks.delete(pid);
  }

  function takeDesk(): Desk | null {
    for (let desk = idle.pop(); desk !== undefined; desk = idle.pop()) {
      const rested = performance.now() - desk.since < restMs || desk.pipes.every((pipe) => pipe.exists());
      if (desk.helper.alive && rested) return desk;
      desk.dismiss();
    }
    return makeDesk();
  }

  /** `plain`: what the shell has to say of a signal comes in the task's stderr. */
  function work(desk: Desk, line: string, plain: boolean, events: ProcessEvents): ProcessHandle {
    const { helper } = desk;
    const handOn = (stream: StreamNumber) => (chunk: Uint8Array) => events.output(stream, chunk);
    const words = plain ? lastWords(handOn(2), () => helper.unheardBytes() > 0, clock) : null;
    const readers = desk.descriptors.map((descriptor, i) =>
      pipeReader(
        descriptor as number,
        () => (desk.pipes[i] as NamedPipe).openReader(),
        i === 1 && words !== null ? words.take : handOn((i + 1) as StreamNumber),
        closed,
      ),
    );
    desk.descriptors = [null, null];
    desk.busy = true;
    desk.since = performance.now();
    let answered = false;
    let signalled = false;
    let held = false;
    let cancelLook = clock.after(firstLookMs, () => look(firstLookMs));

    function look(waitedMs: number): void {
      const wrote = readers.map((reader) => reader.look());
      if (waitedMs < lastLookMs && !wrote.includes(true)) {
        cancelLook = clock.after(2 * waitedMs, () => look(2 * waitedMs));
        return;
      }
      for (const reader of readers) reader.attach();
    }

    function closed(): void {
      // The shell says how it ended after its words: before that nobody knows whose they are.
      if (answered && readers[1]?.clean) words?.close();
      if (readers.every((reader) => reader.clean)) events.silent();
    }

    function answer(how: ShellAnswer): void {
      answered = true;
      cancelLook();
      endedSinceTidy ||= desk.control === null;
      const cpuMs = desk.account();
      if (how.kind === 'trouble') {
        if (words !== null) readers[1]?.drain();
        const said = how.said || (words?.refused() ?? '').trim();
        leave(false);
        return events.refused({ unfit: true, exitCode: null, error: `cannot start a process: ${shortText(said)}` });
      }
      words?.ended(how.words);
      // Whoever still holds a pipe open keeps the event loop waiting for its end.
      for (const reader of readers) if (!reader.drain()) reader.attach();
      closed();
      events.exited({ exitCode: how.exitCode, signal: how.signal, cpuMs });
    }

    /** The task is over. `clean`: the next one finds everything as this one did. */
    function leave(clean: boolean): void {
      words?.close();
      desk.busy = false;
      desk.since = performance.now();
      if (clean && helper.alive && desk.tidy()) {
        if (held) desk.hold(false);
        desk.descriptors = readers.map((reader) => reader.release()) as Desk['descriptors'];
        idle.push(desk);
      } else {
        for (const reader of readers) reader.close();
        desk.dismiss();
      }
    }

    process.nextTick(() => {
      events.started(helper.pid, desk.control);
      helper.run(line, answer);
    });

    return {
      signal(signal) {
        if (!helper.alive) return false;
        if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
          held = signal === 'SIGSTOP';
          return desk.hold(held);
        }
        if (signal !== 0) signalled = true;
        if (signal !== 'SIGKILL') return signalGroup(helper.pid, signal);
        desk.kill();
        return true;
      },
      resume: (stream) => readers[stream - 1]?.resume(),
      abandon: () => leave(answered && !signalled && readers.every((reader) => reader.clean)),
    };
  }

  function probe(): void {
    use = 'asked';
    const desk = makeDesk();
    if (desk === null) {
      use = 'unknown';
      return;
    }
    probeShell(desk, (found) => {
      use = found;
      if (use === 'none') return desk.dismiss();
      idle.push(desk);
      prepare();
    });
  }

  /** To start one blocks the event loop until it has a core to begin on: 30 ms where others have them all. */
  function prepare(): void {
    inOwnTurn(() => {
      const desk = closed || desks.size >= options.ready ? null : makeDesk();
      if (desk === null) return;
      idle.push(desk);
      prepare();
    });
  }

  // Asked before the first task comes.
  if (options.enabled)
    pipes.ready(() => {
      if (use === 'unknown') probe();
    });

  return {
    start,
    get pids() {
      return desks;
    },
    totalMs: () => [...desks.values()].reduce((sum, { helper }) => sum + helper.totalMs, 0),
    untidy: () => endedSinceTidy,
    tidy(members) {
      endedSinceTidy = false;
      const now = performance.now();
      for (const member of members) {
        const desk = desks.get(member.group);
        if (desk === undefined || desk.control !== null || member.pid === member.group || member.state === 'Z')
          continue;
        const ageMs = (ticksNow() - member.startTicks) * tickMs;
        if (desk.busy && ageMs < now - desk.since + olderMs) continue;
        endedSinceTidy = true; // it may leave others behind
        killQuietly(member.pid);
      }
    },
    close() {
      closed = true;
      otherwise.close();
      for (const desk of desks.values()) desk.dismiss();
    },
  };
}

/** Now, in the kernel's count since boot. */
function ticksNow(): number {
  return (os.uptime() * 1_000) / tickMs;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
