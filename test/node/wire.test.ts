import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import { jobSpec } from '../../source/model/job.ts';
import { startAgent } from '../../source/node/agent.ts';
import type { AgentOptions } from '../../source/node/options.ts';
import type { Connection } from '../../source/wire/connection.ts';
import { listen } from '../../source/wire/endpoint.ts';
import type { Message } from '../../source/wire/messages.ts';
import { until } from './fake-coordinator.ts';

function agentAt(port: number, secret: Buffer, more: Partial<AgentOptions> = {}) {
  return startAgent({
    coordinators: [{ host: '127.0.0.1', port }],
    name: 'n1',
    slots: 2,
    labels: {},
    resources: {},
    throttle: 1,
    cpuLimit: null,
    onCoordinatorLost: 'finish',
    stateDir: null,
    secret,
    version: 'test',
    log: () => {},
    ...more,
  });
}

test('over the wire: joins with the secret, works, comes back after the coordinator did; a wrong secret is refused', async () => {
  const secret = randomBytes(32);
  const heard: Message[] = [];
  let peer: Connection | null = null;
  const open = (port: number) =>
    listen({
      host: '127.0.0.1',
      port,
      secret,
      version: 'test',
      peer(connection) {
        peer = connection;
        return {
          messages: (batch) => void heard.push(...structuredClone(batch)),
          closed: () => {},
        };
      },
    });
  const first = await open(0);
  const { port } = first;
  const agent = agentAt(port, secret);
  await until(() => heard.some((one) => one.kind === 'join'));
  const say = (message: Message): void => peer?.send(message);
  const spec = jobSpec({
    work: { kind: 'command', argv: ['head', '-c', '300000', '/dev/zero'], shell: false, task: '', input: null },
  });
  say({ kind: 'joined', name: 'n1', throttle: 1, ticketKey: null, callerKey: null });
  say({ kind: 'job', job: 1, spec });
  say({ kind: 'assign', seq: 1, job: 1, tasks: [{ ordinal: 0, index: 0, attempt: 1, item: null }] });
  await until(() => heard.some((one) => one.kind === 'ended'));
  expect(heard.reduce((sum, one) => sum + (one.kind === 'output' ? one.data.length : 0), 0)).toBe(300_000);
  await first.close();
  heard.length = 0;
  const second = await open(port);
  const join = await until(() => heard.find((one) => one.kind === 'join'), 20_000);
  expect(join.ended).toEqual([{ job: 1, ordinal: 0, attempt: 1 }]);
  await until(() => heard.some((one) => one.kind === 'ended'));

  const stranger = agentAt(port, randomBytes(32));
  await expect(stranger.ended).rejects.toMatchObject({ code: 'refused' });
  await expect(stranger.ended).rejects.toBeInstanceOf(LbtopError);

  say({ kind: 'settled', attempts: join.ended });
  await agent.stop('done');
  await until(() => heard.some((one) => one.kind === 'leave'));
  await second.close();
});

test.skipIf(process.getuid?.() !== 0)('root does not follow a lead that passes to another machine', async () => {
  // An address that nobody has (RFC 5737).
  const leader = { address: { host: '192.0.2.1', port: 7077 }, onChange() {} };
  const agent = agentAt(0, randomBytes(32), { coordinators: [], leader });
  await expect(agent.ended).rejects.toThrow('tasks from 192.0.2.1 would run as root here');
});
