/**
 * Coordinator and node of lbtop without TLS, which no flag offers: what encryption costs can be told apart so.
 *   unprotected.ts coordinator DATA        (`none`: in memory) prints its port
 *   unprotected.ts node PORT NAME SLOTS   (XDG_STATE_HOME is set)
 */
import { join } from 'node:path';
import { startCoordinator } from '../../../../source/coordinator/coordinator.ts';
import { startAgent } from '../../../../source/node/agent.ts';

const [role = '', ...args] = process.argv.slice(2);
if (role === 'coordinator') {
  const [data = 'none'] = args;
  const coordinator = await startCoordinator({
    host: '127.0.0.1',
    port: 0,
    secret: null,
    version: 'bench',
    policy: 'least-load',
    queue: 'fifo',
    cpuLimit: 100,
    data: data === 'none' ? null : data,
    purgeAfterMs: null,
    keepTasks: null,
    seed: 1,
    record: null,
    metrics: null,
    log: () => {},
    onShutdown: () => {},
    onOutdated(error) {
      throw error;
    },
    fatal(error) {
      throw error;
    },
  });
  console.log(`listening on 127.0.0.1:${coordinator.port}`);
  process.once('SIGTERM', () => void coordinator.stop('done').then(() => process.exit(0)));
} else {
  const [port = '', name = '', slots = '1'] = args;
  const agent = startAgent({
    coordinators: [{ host: '127.0.0.1', port: Number(port) }],
    name,
    slots: Number(slots),
    labels: {},
    resources: {},
    throttle: 1,
    cpuLimit: null,
    onCoordinatorLost: 'finish',
    stateDir: join(process.env.XDG_STATE_HOME ?? '', 'lbtop'),
    secret: null,
    version: 'bench',
    log: () => {},
  });
  process.once('SIGTERM', () => agent.kill());
  await agent.ended.catch(() => {});
  process.exit(0);
}
