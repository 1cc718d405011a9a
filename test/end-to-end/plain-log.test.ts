/** What others say is in the coordinator's log as text: somebody may read it on a terminal. */
import { expect, test } from 'vitest';
import { startCluster, until } from '../helpers/lbtop.ts';
import { payloads, watchedTerminal } from '../helpers/watched-terminal.ts';

test('reasons and names of others are one plain line each in the log', async () => {
  const log: string[] = [];
  await using cluster = await startCluster(['a'], undefined, { log: (line) => log.push(line) });
  // A NUL cannot be an argument, and a reason has 256 characters.
  const reasons = [0, 1, 2].map((part) =>
    payloads
      .filter((payload, at) => at % 3 === part && !payload.includes('\0'))
      .join('x')
      .slice(0, 256),
  );
  for (const reason of reasons)
    for (const word of ['pause', 'resume'])
      expect(await cluster.lbtop([word, 'a', '--reason', reason])).toMatchObject({ code: 0, stderr: '' });
  const paused = () => log.filter((line) => line.includes('node a paused by'));
  await until(() => paused().length === reasons.length);
  const terminal = watchedTerminal(240, 60);
  await terminal.write(paused().join('\r\n'));
  expect(terminal.harm).toEqual([]);
  for (const line of paused()) expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
});
