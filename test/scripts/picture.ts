/**
 * `npm run picture`: runs the demo on a pseudo-terminal and draws what its interface shows into docs/interface.svg. Needs
 * node-pty. The colours are those of the cells; nothing is touched up.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { noTerminal, openTerminal } from '../helpers/terminal.ts';
import { svgOf } from './svg.ts';

const missing = noTerminal();
if (missing !== null) {
  console.error(missing);
  process.exit(1);
}
const terminal = openTerminal(process.execPath, ['dist/cli.js', '--demo'], { columns: 120, rows: 34 });
await terminal.waitFor(/lost/, 60_000);
await sleep(1_500); // for a picture with some history in its charts
writeFileSync(
  'docs/interface.svg',
  svgOf(terminal.cells(), 'lbtop: nodes, queue, throughput and events after a node was lost'),
);
terminal.keys('q');
await terminal.exited;
