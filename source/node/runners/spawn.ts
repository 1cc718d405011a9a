/** Starts processes by child_process: each in a session, and so in a process group, of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { type Account, identityOf } from '../account.ts';
import { signalGroup } from '../process-stat.ts';
import type { TaskGroup, TaskGroups } from '../task-groups.ts';
import type { ChildrenCpu } from './children-cpu.ts';
import { closeQuietly, type NamedPipe, type NamedPipes } from './named-pipes.ts';
import { inOwnTurn } from './own-turn.ts';
import { readingSocket } from './pipe-reader.ts';
import type { StreamNumber } from './runner.ts';
import { becomingLine, programPath } from './shell-line.ts';
import { startFault, whyNotStarted } from './start-error.ts';
import type { GroupRegistry, Launch, ProcessEvents, ProcessHandle, Starter } from './starter.ts';

export interface SpawnOptions {
  /** null: socket pairs, where named pipes cannot be made. */
  pipes: NamedPipes | null;
  cpu: ChildrenCpu;
  registry: GroupRegistry;
  /** null: the system gives us none. */
  groups: TaskGroups | null;
  /** Whose processes they are; null: ours. */
  account: Account | null;
}

/** Where the output of a task comes from: what the child gets, and what the agent reads, where that is there already. */
interface Channel {
  forChild: number | 'pipe';
  reader: Socket | null;
  pipe: NamedPipe | null;
}

export function spawnStarter(options: SpawnOptions): Starter {
  return {
    start: (launch, events) => startOne(options, launch, events),
    close: () => {},
  };
}

function startOne(
  { pipes, cpu, registry, groups, account }: SpawnOptions,
  launch: Launch,
  events: ProcessEvents,
): ProcessHandle {
  const identity = identityOf(account);
  const other = identity.uid !== undefined;
  let unwanted = false;
  let group: number | null = null;
  let control: TaskGroup | null = null;
  let readers: (Readable | null)[] = [];
  let open = 2;
  let started = false;

  const refuse = (error: unknown): void => events.refused(startFault(launch, error));

  function begin(two: [NamedPipe, NamedPipe] | null): void {
    if (unwanted) {
      two?.forEach((pipe) => void pipe.giveBack());
      return events.refused({ unfit: false, exitCode: null, error: 'stopped before it began' });
    }
    const opened: number[] = [];
    const channels: Channel[] = [];
    let child: ChildProcess;
    let beforeMs = 0;
    let line: string | null;
    try {
      const stdin = launch.stdin === null ? 'ignore' : openSync(launch.stdin, 'r');
      if (stdin !== 'ignore') opened.push(stdin);
      for (const stream of [1, 2] as const) channels.push(channel(stream, two?.[stream - 1] ?? null, opened));
      const outputs = channels.map((one) => one.forChild);
      control = groups?.take() ?? null;
      beforeMs = control?.usedMs() ?? 0; // what is short has ended before spawn returns
      line = lineOf(launch, control);
      if (line === null) {
        release();
        const [file = '', ...args] = launch.argv;
        const cwd = launch.cwd ?? undefined;
        child = spawn(file, args, { cwd, env: { ...launch.env }, detached: true, stdio: [stdin, ...outputs] });
      } else
        child = spawn('/bin/sh', ['-s'], {
          env: {},
          detached: true,
          stdio: ['pipe', ...outputs, ...(stdin === 'ignore' ? [] : [stdin])],
          ...identity,
        });
    } catch (error) {
      for (const one of opened) closeQuietly(one);
      for (const one of channels) one.reader?.destroy();
      release();
      return refuse(error);
    }
    for (const one of opened) closeQuietly(one);
    child.once('error', (error) => {
      if (group !== null) return;
      for (const one of channels) one.reader?.destroy();
      release();
      refuse(error);
    });
    if (child.pid === undefined) return; // 'error' follows
    const { pid } = child;
    if (line !== null) letIn(child, line);
    group = pid;
    started = true;
    registry.began(pid);
    child.once('exit', (exitCode, signal) => {
      registry.gone(pid);
      // Without members the number may soon be another's.
      if (group !== null && !signalGroup(group, 0)) group = null;
      const usedMs = control === null ? null : control.usedMs() - beforeMs;
      cpu.ended((cpuMs) => events.exited({ exitCode, signal, cpuMs: usedMs ?? cpuMs }));
    });
    events.started(group, control);
    readers = [channels[0]?.reader ?? read(1, child.stdout), channels[1]?.reader ?? read(2, child.stderr)];
  }

  /**
   * Returns what a shell is told that becomes the program: one that is to be in a control group before it has any child, one
   * of another account, that enters its directory with the rights of that account, one whose directory is not to be replaced
   * meanwhile. null: the program itself can be started. Throws what the system would, where no shell can do it.
   */
  function lineOf(launch: Launch, control: TaskGroup | null): string | null {
    const needed = other || launch.unlinked === true;
    if (control === null && !needed) return null;
    const line =
      programPath(launch) === null ? null : becomingLine(launch, control === null || other ? null : control.procs);
    if (line === null && needed) throw whyNotStarted(launch);
    return line;
  }

  /** Another account may not enter a control group for itself. Its output is ours to read even where it could not be entered. */
  function letIn({ pid, stdin }: ChildProcess, line: string): void {
    if (control !== null && other)
      try {
        writeFileSync(control.procs, String(pid));
      } catch {
        release(); // it has its process group all the same
      }
    stdin?.on('error', () => {}); // it may have ended
    stdin?.end(`${line}\n`);
  }

  function release(): void {
    control?.giveBack();
    control = null;
  }

  /** Opens both ends of a pipe; what is for the child only goes to `opened`. Falls back to a socket pair. */
  function channel(stream: StreamNumber, pipe: NamedPipe | null, opened: number[]): Channel {
    if (pipe === null) return { forChild: 'pipe', reader: null, pipe: null };
    // Somebody may have cleaned the directory of temporary files.
    if (!pipe.exists()) return { forChild: 'pipe', reader: null, pipe: null };
    const reader = readingSocket(
      pipe.openReader(),
      (chunk) => events.output(stream, chunk),
      (ended) => {
        if (ended) pipe.giveBack();
        else pipe.discard();
        closed();
      },
    );
    try {
      const forChild = pipe.openWriter();
      opened.push(forChild);
      return { forChild, reader, pipe };
    } catch (error) {
      reader.destroy();
      throw error;
    }
  }

  /** The socket of a socket pair. */
  function read(stream: StreamNumber, socket: Readable | null): Readable | null {
    socket?.on('data', (chunk: Buffer) => {
      if (!events.output(stream, chunk)) socket.pause();
    });
    socket?.on('error', () => {}); // 'close' follows
    socket?.once('close', closed);
    return socket;
  }

  function closed(): void {
    if (--open === 0 && started) events.silent();
  }

  function acquire(): void {
    const two = pipes?.takeTwo() ?? null;
    if (two !== null || pipes === null) begin(two);
    else pipes.ready((error) => inOwnTurn(() => (error === null ? acquire() : begin(null))));
  }

  inOwnTurn(acquire);

  return {
    signal(signal) {
      if (group === null) {
        if (signal === 'SIGTERM' || signal === 'SIGKILL') unwanted = true;
        return false;
      }
      if (control !== null && (signal === 'SIGSTOP' || signal === 'SIGCONT')) {
        control.hold(signal === 'SIGSTOP');
        return true;
      }
      if (signal === 'SIGKILL') control?.kill();
      return signalGroup(group, signal);
    },
    resume(stream) {
      readers[stream - 1]?.resume();
    },
    abandon() {
      if (group !== null) signalGroup(group, 'SIGKILL');
      group = null;
      control?.kill();
      release();
      for (const reader of readers) reader?.destroy();
    },
  };
}
