/**
 * `npm run picture`: runs the demo on a pseudo-terminal, records it, replays the recording, and draws what the interface
 * shows into docs/interface.svg, docs/node.svg and docs/replay.svg. Needs a pseudo-terminal. The colours are those of the cells;
 * nothing is touched up.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { noTerminal, openTerminal, type TestTerminal } from '../helpers/terminal.ts';
import { svgOf } from './svg.ts';

const missing = noTerminal();
if (missing !== null) {
  console.error(missing);
  process.exit(1);
}

function draw(terminal: TestTerminal, name: string, title: string): void {
  writeFileSync(`docs/${name}.svg`, svgOf(terminal.cells(), title));
}

const folder = mkdtempSync(join(tmpdir(), 'lbtop-picture-'));
const recording = join(folder, 'demo.lbtrace');
const size = { columns: 120, rows: 34 };

const demo = openTerminal(process.execPath, ['dist/cli.js', '--demo'], size);
await demo.waitFor(/● \S+.* \d+\/\d+ /, 60_000);
demo.keys('\r');
await demo.waitFor(/cpu, last minute[\s\S]*[1-9] running of[\s\S]*▌ \d+\.\d+/);
draw(demo, 'node', 'lbtop: one node, with its CPU, its tasks and its events');
demo.keys('\x1b');
demo.keys('R');
await demo.waitFor('record into the file');
demo.keys(`${recording}\r`);
await demo.waitFor('● rec');
await demo.waitFor(/suspect[\s\S]*suspect|lost/, 60_000);
await demo.waitWithout('recording to');
draw(demo, 'interface', 'lbtop: nodes, queue, throughput and events after a node was killed');
await demo.waitFor(/ lost /, 60_000);
demo.keys('q');
await demo.exited;

const replay = openTerminal(process.execPath, ['dist/cli.js', '--replay', recording], size);
await replay.waitFor(/nodes .*up/, 30_000);
for (let jumps = 0; jumps < 20 && !/ lost /.test(replay.lines()[0] ?? ''); jumps++) {
  replay.keys('n');
  await sleep(300); // a jump shows at once; nothing tells that it was the last
}
draw(replay, 'replay', 'lbtop: a recorded session, at the moment when a node was lost');
replay.keys('q');
await replay.exited;
rmSync(folder, { recursive: true });
