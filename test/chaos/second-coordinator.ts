/** Coordinators that are started on the data of one that runs: each refuses in one line, and the first is not disturbed. */
import { join } from 'node:path';
import type { Status } from '../../source/model/report.ts';
import { finished, startCluster } from '../helpers/lbtop.ts';

export interface Seconds {
  tries: number;
  /** Ended with exit code 2 and the line that says who has it and what to do. */
  refused: number;
  /** The first one was as before. */
  undisturbed: boolean;
}

const line = /^lbtop: .* is in use by another coordinator \(.*\): end that one, or choose another --data\n$/;

/** Tries so often, some at the same time. */
export async function startSeconds(tries: number, atOnce: number): Promise<Seconds> {
  await using cluster = await startCluster(['a'], undefined, { durable: true });
  const args = ['--coordinator', '--headless', '--port', '0', '--data', join(cluster.directory, 'data')];
  let refused = 0;
  for (let tried = 0; tried < tries; tried += atOnce) {
    const some = await Promise.all(Array.from({ length: atOnce }, () => finished(cluster.start(args))));
    refused += some.filter(({ code, stdout, stderr }) => code === 2 && stdout === '' && line.test(stderr)).length;
  }
  const ran = await cluster.lbtop(['run', '--', 'echo', 'still here']);
  const { nodes } = await cluster.json<Status>(['status']);
  return { tries, refused, undisturbed: ran.stdout === 'still here\n' && nodes.up === 1 };
}

/** Prints what came of 100 tries. */
export async function showSeconds(): Promise<void> {
  const { tries, refused, undisturbed } = await startSeconds(100, 4);
  console.log(
    `${refused} of ${tries} second coordinators refused, the first ${undisturbed ? 'undisturbed' : 'disturbed'}`,
  );
  if (refused < tries || !undisturbed) process.exitCode = 1;
}
