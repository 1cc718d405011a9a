#!/usr/bin/env node
// Starts the built program under a Node that can run it: this one, or the one that the project brought along. Plain
// JavaScript that old versions read, so that they can say what is wrong.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const cli = new URL('../dist/cli.js', import.meta.url);
const own = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

if (!existsSync(cli)) fail('lbtop is not built: run npm run build');
else if (Number(process.versions.node.split('.')[0]) >= 24) await import(cli.href);
else if (!existsSync(own)) fail(`lbtop needs Node 24 or later, this is ${process.version}`);
else {
  const child = spawn(own, [fileURLToPath(cli), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.on('SIGINT', () => {}); // a terminal tells both
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function fail(why) {
  process.stderr.write(`lbtop: ${why}\n`);
  process.exitCode = 2;
}
