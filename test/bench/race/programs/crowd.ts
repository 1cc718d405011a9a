/**
 * Nodes that do no work, many in one process: heartbeats at 1 Hz, tasks answered at once.
 *   crowd.ts PORT FILE-OF-SECRET COUNT PREFIX SLOTS      says `ready` when all have joined
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LbtopError } from '../../../../source/model/errors.ts';
import { loadSecret } from '../../../../source/wire/secret.ts';
import { loopbackNode } from '../../loopback-node.ts';

const [port = '', secretFile = '', count = '1', prefix = '', slots = '8'] = process.argv.slice(2);
const secret = await loadSecret(secretFile);
/** Two such processes are fewer than a coordinator bears strangers. */
const atOnce = 48;
/** Nodes try again where a coordinator has too much to do to hear them, and so do these. */
const patienceMs = 60_000;

async function join(name: string): Promise<void> {
  const until = performance.now() + patienceMs;
  for (;;)
    try {
      await loopbackNode(Number(port), name, Number(slots), secret);
      return;
    } catch (error) {
      if (!(error instanceof LbtopError && error.code === 'unreachable') || performance.now() > until) throw error;
      await sleep(200);
    }
}

for (let i = 0; i < Number(count); i += atOnce)
  await Promise.all(Array.from({ length: Math.min(atOnce, Number(count) - i) }, (_, k) => join(`${prefix}-${i + k}`)));
console.log('ready');
process.stdin.resume().on('end', () => process.exit(0));
