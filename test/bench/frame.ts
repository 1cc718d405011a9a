/**
 * What the interface costs: the real program (`lbtop --attach`) on a pseudo-terminal of 200x50, attached over TLS to a
 * made-up session in this process in which every row changes with every window. Beside it, in the same run, other monitors
 * of this kind, where they are installed. CPU is that of the whole process, its threads included.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Desk } from '../../source/coordinator/answers.ts';
import { acceptClient } from '../../source/coordinator/client-session.ts';
import { windowHub } from '../../source/feed/hub.ts';
import { processMemory } from '../../source/node/process-stat.ts';
import { listen } from '../../source/wire/endpoint.ts';
import { loadOrCreateSecret } from '../../source/wire/secret.ts';
import { openPty } from '../helpers/terminal.ts';
import { fakeSession, type Session } from '../ui/fixtures/session.ts';
import { loopTime, processTime } from './core-time.ts';

const columns = 200;
const rows = 50;
const cli = resolve(import.meta.dirname, '../../dist/cli.js');

/** A program on a terminal of its own. */
interface Watched {
  readonly pty: ReturnType<typeof openPty>;
  bytes: number;
  frames: number;
  onData: ((data: string) => void) | null;
}

function watched(program: string, args: readonly string[], env: Record<string, string> = {}): Watched {
  const pty = openPty(program, args, { columns, rows, env });
  const one: Watched = { pty, bytes: 0, frames: 0, onData: null };
  pty.onData((data) => {
    one.bytes += Buffer.byteLength(data);
    one.frames += data.split('\x1b[?2026h').length - 1;
    one.onData?.(data);
  });
  return one;
}

/** A coordinator's face without a coordinator: windows of a made-up session at a rate of our own. */
export async function face(session: Session, directory: string) {
  const secretFile = join(directory, 'secret');
  const hub = windowHub(() => ({ state: session.state, series: session.series, now: session.now }));
  let rate = 1;
  const desk = { hub: { ...hub, watch: (look, _rateHz, send) => hub.watch(look, rate, send) } } as Desk;
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    secret: await loadOrCreateSecret(secretFile),
    version: 'bench',
    peer: (connection, { role, who }, identity) =>
      acceptClient(connection, { role, who, identity, address: connection.address }, desk),
  });
  return {
    attach(hz: number): Watched {
      rate = hz;
      return watched(process.execPath, [cli, '--attach', `127.0.0.1:${listener.port}`, '--secret-file', secretFile], {
        XDG_STATE_HOME: directory,
        XDG_CONFIG_HOME: directory,
      });
    },
    async close() {
      hub.close();
      await listener.close();
    },
  };
}

/** Until it has drawn so often. */
export async function drawn(one: Watched, frames: number): Promise<void> {
  while (one.frames < frames) await sleep(20);
}

/** Ends it. */
export async function ended({ pty }: Watched): Promise<void> {
  const over = new Promise<void>((done) => pty.onExit(() => done()));
  pty.kill('SIGTERM');
  await over;
}

interface Cost {
  msPerFrame: number;
  bytesPerFrame: number;
  percent: number;
  mib: number;
}

/** What a program costs over some seconds of its life, after it has settled. */
async function cost(one: Watched, warmMs: number, ms: number): Promise<Cost> {
  await sleep(warmMs);
  const { frames, bytes } = one;
  const before = processTime(one.pty.pid).ranMs;
  const from = performance.now();
  await sleep(ms);
  const seconds = (performance.now() - from) / 1_000;
  const cpuMs = processTime(one.pty.pid).ranMs - before;
  return {
    msPerFrame: cpuMs / (one.frames - frames),
    bytesPerFrame: (one.bytes - bytes) / (one.frames - frames),
    percent: cpuMs / (10 * seconds),
    mib: (processMemory(one.pty.pid)?.residentBytes ?? Number.NaN) / 2 ** 20,
  };
}

/** Returns the value that so large a share of them is not above. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** ms from a key to the screen, and without those in which a process that had to work for it had no core. */
interface KeyTime {
  wallMs: number;
  ownMs: number;
}

/** Times from a key to the bytes of the mark before the row that it selects, while windows come four times a second. */
async function keyTimes(one: Watched, count: number): Promise<KeyTime[]> {
  let moved: (() => void) | null = null;
  // Windows come between the keys too, but only a key moves the mark.
  one.onData = (data) => {
    if (/\x1b\[\d+H(?:\x1b\[[0-9;]*m)*▌/.test(data)) moved?.();
  };
  const waited = (): number => loopTime(one.pty.pid).waitedMs + loopTime('self').waitedMs;
  const press = (key: string): Promise<KeyTime> => {
    const before = waited();
    const from = performance.now();
    const done = new Promise<KeyTime>((resolve) => {
      moved = () => {
        moved = null;
        const wallMs = performance.now() - from;
        resolve({ wallMs, ownMs: Math.max(0, wallMs - (waited() - before)) });
      };
    });
    one.pty.write(key);
    return done;
  };
  for (let i = 0; i < 20; i++) await press(i % 2 === 0 ? 'j' : 'k');
  const times: KeyTime[] = [];
  for (let i = 0; i < count; i++) {
    // Not in step with the windows.
    await sleep(20 + ((i * 37) % 60));
    times.push(await press(i % 2 === 0 ? 'j' : 'k'));
  }
  one.onData = null;
  return times;
}

/** A session that goes on: at each step a second of it passes, so that every row differs. */
function goesOn(session: Session, everyMs: number): () => void {
  const timer = setInterval(() => session.advance(1_000), everyMs);
  return () => clearInterval(timer);
}

function say(name: string, { msPerFrame, bytesPerFrame, percent, mib }: Cost, perFrame = true): void {
  const frame = perFrame
    ? `${msPerFrame.toFixed(1).padStart(6)} ms CPU ${Math.round(bytesPerFrame).toString().padStart(6)} bytes a frame`
    : ''.padEnd(36);
  console.log(`${name.padEnd(34)} ${frame} ${percent.toFixed(2).padStart(6)} % of a core ${mib.toFixed(0)} MiB`);
}

/** Prints CPU and bytes a frame, the share of a core at 1 Hz, and key times. */
export async function benchFrame(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-frame-'));
  try {
    const session = fakeSession({ nodes: 100 });
    session.advance(90_000);
    const hundred = await face(session, directory);
    for (const [name, hz, warmMs, ms] of [
      ['10 frames a second', 10, 4_000, 15_000],
      ['1 frame a second', 1, 5_000, 30_000],
    ] as const) {
      const stop = goesOn(session, 1_000 / hz);
      const one = hundred.attach(hz);
      await drawn(one, 2);
      say(`lbtop, ${name}`, await cost(one, warmMs, ms));
      await ended(one);
      stop();
    }
    await hundred.close();

    for (const [program, args] of [
      ['htop', ['-d', '10']],
      ['glances', ['-t', '1']],
    ] as const) {
      try {
        execFileSync('which', [program], { stdio: 'ignore' });
      } catch {
        console.log(`${program}: not installed here, not compared`);
        continue;
      }
      const one = watched(program, args);
      say(`${program}, once a second`, await cost(one, 5_000, 20_000), false);
      one.pty.kill('SIGKILL');
    }

    for (const nodes of [10, 10_000]) {
      const many = fakeSession({ nodes, slots: 2 });
      many.advance(3_000);
      const there = await face(many, directory);
      const one = there.attach(4);
      await drawn(one, 2);
      const times = await keyTimes(one, 300);
      const wall = times.map(({ wallMs }) => wallMs);
      const own = times.map(({ ownMs }) => ownMs);
      const both = (of: number[]): string =>
        `p50 ${quantile(of, 0.5).toFixed(1)} ms, p99 ${quantile(of, 0.99).toFixed(1)} ms`;
      console.log(`key to screen, ${nodes} nodes: ${both(wall)}; without the waits for a core: ${both(own)}`);
      await ended(one);
      await there.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
