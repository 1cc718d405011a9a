/**
 * Nodes that do no work, many in one process: heartbeats at 1 Hz, tasks answered at once.
 *   crowd.ts PORT FILE-OF-SECRET COUNT PREFIX SLOTS      says `ready` when all have joined
 */
import { loadSecret } from '../../../../source/wire/secret.ts';
import { loopbackNode } from '../../loopback-node.ts';

const [port = '', secretFile = '', count = '1', prefix = '', slots = '8'] = process.argv.slice(2);
const secret = await loadSecret(secretFile);
/** Two such processes are fewer than a coordinator bears strangers. */
const atOnce = 48;
for (let i = 0; i < Number(count); i += atOnce)
  await Promise.all(
    Array.from({ length: Math.min(atOnce, Number(count) - i) }, (_, k) =>
      loopbackNode(Number(port), `${prefix}-${i + k}`, Number(slots), secret),
    ),
  );
console.log('ready');
process.stdin.resume().on('end', () => process.exit(0));
