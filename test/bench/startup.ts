/** What a word costs before it does anything: `lbtop status` beside a Node that runs nothing, turn by turn. */
import { spawnSync } from 'node:child_process';
import { program, startCluster } from '../helpers/lbtop.ts';

const rounds = 25;

function runMs(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const before = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${args.join(' ')} exited ${status}: ${stderr}`);
  return performance.now() - before;
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] as number;

/** Prints a line for each; with a coordinator and a node that are idle. */
export async function benchStartup(): Promise<void> {
  await using cluster = await startCluster(['one']);
  const { environment } = cluster.fleet;
  const [, cli] = program();
  const address = `${cluster.fleet.host}:${cluster.fleet.port}`;
  const kinds: Record<string, readonly string[]> = {
    'node -e 0': ['-e', '0'],
    'lbtop --version': [cli, '--version'],
    'lbtop status': [cli, 'status', '--connect', address],
  };
  const times = new Map(Object.keys(kinds).map((name): [string, number[]] => [name, []]));
  for (let round = -2; round < rounds; round++)
    for (const [name, args] of Object.entries(kinds)) {
      const ms = runMs(args, environment);
      if (round >= 0) times.get(name)?.push(ms); // the first rounds warm the disk's cache
    }
  const bare = at(
    (times.get('node -e 0') ?? []).toSorted((a, b) => a - b),
    0.5,
  );
  for (const [name, taken] of times) {
    const sorted = taken.toSorted((a, b) => a - b);
    const median = at(sorted, 0.5);
    const told = [at(sorted, 0), median, at(sorted, 0.9)].map((ms) => `${ms.toFixed(0)} ms`);
    console.log(
      `${name.padEnd(16)} least ${told[0]}, median ${told[1]}, p90 ${told[2]}: ${(median / bare).toFixed(2)} x bare`,
    );
  }
}
