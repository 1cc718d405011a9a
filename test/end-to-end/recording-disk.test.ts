/** The disk of a recording gets full while a fleet works, and has room again. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Summary } from '../../source/feed/summary.ts';
import type { Status } from '../../source/model/report.ts';
import { startCluster, until } from '../helpers/lbtop.ts';
import { smallDisk } from '../helpers/small-disk.ts';

test('work goes on while nothing can be recorded; the recording has a gap, goes on by itself, and is proven around it', {
  timeout: 120_000,
}, async (context) => {
  using disk = smallDisk(2);
  if (disk === null) return context.skip('a small disk cannot be mounted');
  const file = join(disk.directory, 'session.lbtrace');
  let stalled = false;
  const log = (line: string): void => {
    stalled ||= line.includes('facts are left out');
  };
  await using cluster = await startCluster(['a', 'b'], () => ['--cpu-limit', '100', '--record', file], { log });
  const work = async (last: number): Promise<void> => {
    expect((await cluster.lbtop(['run', '--array', `0-${last}`, '--task', 'noop', '--input', '1'])).code).toBe(0);
  };
  const seen = async (): Promise<Summary> =>
    JSON.parse((await cluster.lbtop(['trace', 'info', file, '--json'])).stdout) as Summary;
  await work(9);
  disk.fill();
  // More than a block: it has to be written, and cannot be.
  await work(4_999);
  await until(() => stalled);
  disk.free();
  await until(async () => (await seen()).gaps.some(({ missing }) => (missing ?? 0) > 1_000));
  await work(19);
  expect((await cluster.json<Status>(['status'])).tasks).toMatchObject({ succeeded: 5_030, failed: 0, lost: 0 });
  await cluster.fleet.endCoordinator();
  expect(await seen()).toMatchObject({ tasks: { succeeded: 5_030 }, damage: [], cut: null });
  const verified = await cluster.lbtop(['trace', 'verify', file]);
  expect(verified).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^verified: .*\n(.*\n)*note: [\d,]+ facts are missing in/),
  });
});
