/** `--log-format json`: what coordinators and nodes log is an object a line, from the first one on. */
import { expect, test } from 'vitest';
import { finished, startCluster, until } from '../helpers/lbtop.ts';

interface Line {
  time: string;
  level: string;
  message: string;
  [field: string]: unknown;
}

const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

test('a coordinator and a node log objects', async () => {
  await using cluster = await startCluster([]);
  const options = ['--port', '0', '--data', 'none', '--cpu-limit', '100'];
  const coordinator = cluster.start(['--coordinator', '--headless', '--log-format', 'json', ...options]);
  const first = new Promise<string>((resolve) => coordinator.stdout?.once('data', (text) => resolve(String(text))));
  const coordinatorSaid = finished(coordinator);
  const [listening] = linesOf((await first).split('\n')[0] as string);
  expect(listening).toMatchObject({ level: 'info', role: 'coordinator', event: 'listening' });
  const address = listening?.address as string;
  expect(listening?.message).toBe(`listening on ${address}`);

  const node = cluster.start(['--node', '--name', 'far', '--connect', address], { LBTOP_LOG_FORMAT: 'json' });
  const nodeSaid = finished(node);
  await until(async () => (await cluster.lbtop(['nodes', '--connect', address])).stdout.includes('far'));
  await cluster.lbtop(['run', '--connect', address, '--', 'true']);
  node.kill('SIGTERM');
  const ofNode = linesOf((await nodeSaid).stdout);
  expect(ofNode).toContainEqual(expect.objectContaining({ role: 'node', node: 'far', message: 'joined as far' }));
  coordinator.kill('SIGTERM');
  const ofCoordinator = linesOf((await coordinatorSaid).stdout);
  for (const { time, message } of [...ofNode, ...ofCoordinator]) {
    expect(Number.isNaN(Date.parse(time))).toBe(false);
    expect(message).not.toBe('');
  }
  const events = ofCoordinator.map(({ event }) => event);
  for (const event of ['node-joined', 'job-submitted', 'job-ended', 'node-health']) expect(events).toContain(event);
  expect(ofCoordinator).toContainEqual(expect.objectContaining({ event: 'job-ended', job: 1, state: 'succeeded' }));
});
