/** Random byte strings through the stdout of tasks, compared byte for byte with what was written. LBTOP_TRIAL_COUNT: how many (default 100,000). */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../source/client/index.ts';
import { startCluster, until } from '../helpers/lbtop.ts';

export interface Carried {
  strings: number;
  bytes: number;
  harmed: number;
  seconds: number;
}

const mostBytes = 2_000;

/** Sends so many strings, each through a task of its own, and counts those that did not come back as they were. */
export async function carry(count: number): Promise<Carried> {
  await using cluster = await startCluster(['a', 'b', 'c', 'd'], undefined, { durable: true });
  const { host, port, secretFile } = cluster.fleet;
  await using lbtop = await connect({ connect: `${host}:${port}`, secretFile });
  await until(async () => (await lbtop.nodes()).length === 4);
  const directory = join(cluster.directory, 'strings');
  mkdirSync(directory);
  const strings = Array.from({ length: count }, () => randomBytes(randomInt(mostBytes)));
  const files = strings.map((bytes, i) => {
    const file = join(directory, String(i));
    writeFileSync(file, bytes);
    return file;
  });
  const start = performance.now();
  const { job } = await lbtop.submit({ command: ['cat', '{}'], items: files });
  const [row] = await lbtop.wait(job);
  if (row?.state !== 'succeeded') throw new Error(`the job ${row?.state}: ${row?.succeeded} of ${count} succeeded`);
  const came = new Map<number, Buffer[]>();
  for await (const { index, stream, data, cut } of lbtop.logs(job)) {
    const parts = came.get(index) ?? [];
    // What was cut, or came on the other stream, harms it.
    parts.push(stream === 'stdout' && cut === 0 ? Buffer.from(data) : Buffer.from('harmed'));
    came.set(index, parts);
  }
  const harmed = strings.filter((bytes, i) => !Buffer.concat(came.get(i) ?? []).equals(bytes)).length;
  const seconds = (performance.now() - start) / 1_000;
  return { strings: count, bytes: strings.reduce((sum, { length }) => sum + length, 0), harmed, seconds };
}

/** Prints one trial. */
export async function showRandomBytes(): Promise<void> {
  const { strings, bytes, harmed, seconds } = await carry(Number(process.env.LBTOP_TRIAL_COUNT ?? 100_000));
  console.log(
    `${strings} random byte strings, ${bytes} bytes, a task each: ${harmed} harmed (${seconds.toFixed(0)} s)`,
  );
}
