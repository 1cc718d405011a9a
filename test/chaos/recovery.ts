/** How long a coordinator that was killed with many queued tasks takes until it dispatches again: a new process, nodes that come back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { finished as written } from 'node:stream/promises';
import type { Status } from '../../source/model/report.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { loopbackNode } from '../bench/loopback-node.ts';
import { program, startCluster } from '../helpers/lbtop.ts';

export interface Recovery {
  /** From the start of the process, in ms. */
  listeningMs: number;
  firstTaskMs: number;
  /** What it knows then. */
  queued: number;
}

/**
 * `array`: one job of so many tasks; `lines`: one job with an item a task; `jobs`: so many jobs of one task each; `snapshot`:
 * the same jobs, read from the snapshot that a coordinator leaves that was ended gently.
 */
export type Work = 'array' | 'lines' | 'jobs' | 'snapshot';

/** Queues the work, kills the coordinator, and starts it again with a node that tries to connect all the time. */
export async function recoverQueued(work: Work, tasks: number): Promise<Recovery> {
  const scratch = mkdtempSync(join(tmpdir(), 'lbtop-recovery-'));
  await using cluster = await startCluster([], undefined, { durable: true });
  try {
    await queue(work, tasks, cluster, scratch);
    await cluster.fleet.killCoordinator();
    const { port, secretFile, environment } = cluster.fleet;
    const secret = await loadSecret(secretFile);
    const [command, script] = program();
    const data = join(cluster.directory, 'data');
    const args = [script, '--coordinator', '--headless', '--port', String(port), '--data', data, '--cpu-limit', '100'];
    const start = () => {
      const begunAt = performance.now();
      const coordinator = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
      const listening = Promise.withResolvers<number>();
      const lines = createInterface({ input: coordinator.stdout });
      lines.on('line', (line) => line.startsWith('listening') && listening.resolve(performance.now() - begunAt));
      return { begunAt, coordinator, listening };
    };
    if (work === 'snapshot') {
      const { coordinator, listening } = start();
      await listening.promise;
      coordinator.kill('SIGTERM');
      await once(coordinator, 'exit');
    }
    const { begunAt, coordinator, listening } = start();
    try {
      const first = Promise.withResolvers<number>();
      await connected(port, secret, () => first.resolve(performance.now() - begunAt));
      const firstTaskMs = await first.promise;
      const { tasks: counts } = await cluster.json<Status>(['status']);
      return { listeningMs: await listening.promise, firstTaskMs, queued: counts.queued ?? 0 };
    } finally {
      coordinator.kill('SIGKILL');
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function queue(work: Work, tasks: number, cluster: Awaited<ReturnType<typeof startCluster>>, scratch: string) {
  const noop = ['--task', 'noop'];
  if (work === 'array') {
    await cluster.json(['submit', '--array', `1-${tasks}`, ...noop]);
    return;
  }
  if (work === 'lines') {
    const file = join(scratch, 'lines');
    const lines = createWriteStream(file);
    for (let i = 0; i < tasks; i++) lines.write(`"line ${i} of the list"\n`);
    lines.end();
    await written(lines);
    await cluster.json(['submit', '--each-json', file, ...noop]);
    return;
  }
  const { connectClient } = await import('../../source/client/client.ts');
  const { jobSpec } = await import('../../source/model/job.ts');
  const { host, port, secretFile } = cluster.fleet;
  const secret = await loadSecret(secretFile);
  const client = await connectClient({ host, port, secret, role: 'operator', who: 'trial', timeoutMs: 60_000 });
  // Each with a file of its own, as from a loop of a shell.
  const specOf = (n: number) =>
    jobSpec({ work: { kind: 'command', argv: ['sha256sum', `file-${n}`], shell: false, task: '', input: null } });
  for (let sent = 0; sent < tasks; sent += 1_000)
    await Promise.all(
      Array.from({ length: Math.min(1_000, tasks - sent) }, (_, i) =>
        client.request('submit', { spec: specOf(sent + i), upload: null }),
      ),
    );
  client.close();
}

/** A node that tries every few ms; resolves when it is connected, calls `worked` with the first task. */
async function connected(port: number, secret: Buffer, worked: () => void): Promise<void> {
  for (;;) {
    try {
      await loopbackNode(port, 'node', 2, secret, worked);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Prints the times at a million queued tasks. */
export async function showRecovery(): Promise<void> {
  const tasks = 1_000_000;
  for (const work of ['array', 'lines', 'jobs', 'snapshot'] as const) {
    const { listeningMs, firstTaskMs, queued } = await recoverQueued(work, tasks);
    console.log(
      `${tasks} queued tasks (${says[work]}): listens ${Math.round(listeningMs)} ms after its start, ` +
        `dispatches after ${Math.round(firstTaskMs)} ms; ${queued} queued then`,
    );
    if (firstTaskMs > limitMs[work]) process.exitCode = 1;
  }
}

/** A task takes memory when it is placed, a job from the beginning: a million jobs are a million objects to make. */
const limitMs: Readonly<Record<Work, number>> = { array: 2_000, lines: 2_000, jobs: 30_000, snapshot: 30_000 };

const says: Readonly<Record<Work, string>> = {
  array: 'one job of a million',
  lines: 'one job, an item of its own for each',
  jobs: 'a million jobs of one, each with an argument of its own',
  snapshot: 'the same jobs, from the snapshot of a coordinator that was ended gently',
};
