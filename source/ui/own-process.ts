/**
 * The process of a node's own view, started by its agent, which tells it by messages how the node is and hears `quit`.
 * So a terminal that is stopped or slow never holds up the node.
 */
import type { OwnState } from './own-view.ts';
import type { OwnWindow } from './own-window.tsx';

// Before React is loaded: it decides then how it works.
process.env.NODE_ENV = 'production';
const { openOwnWindow } = await import('./own-window.tsx');

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 } as const;
const window: OwnWindow = openOwnWindow(process.stdin, process.stdout, process.env, () => process.send?.('quit'));

function leave(code: number): void {
  window.close();
  process.exit(code);
}

process.on('message', (state: OwnState) => {
  window.show(state);
  process.send?.('shown');
});
process.on('disconnect', () => leave(0)); // the node has ended
for (const [signal, code] of Object.entries(signals)) process.on(signal, () => leave(code));
for (const event of ['end', 'close', 'error']) process.stdin.on(event, () => leave(0));
process.stdout.on('error', () => leave(0));
process.on('uncaughtException', (error) => {
  window.close();
  process.stderr.write(`lbtop: the view failed: ${error.message}\n`);
  process.exit(1);
});
