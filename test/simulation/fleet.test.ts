/** How a fleet of processes is started: what its coordinator says reaches who wants to know. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startFleet } from '../../source/simulation/fleet.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Starts a fleet whose coordinator is this script. */
function fleetOf(script: string, log: (line: string) => void = () => {}) {
  const file = join(directory, 'coordinator.mjs');
  writeFileSync(file, script);
  return startFleet({ program: [process.execPath, file], directory, log });
}

test('each line is told, also those that come in one piece with the first', async () => {
  const lines: string[] = [];
  const last = Promise.withResolvers<void>();
  const fleet = await fleetOf(
    `process.stdout.write('listening on 127.0.0.1:7\\nmetrics at 9\\n');
    setTimeout(() => console.log('later'), 1);
    setInterval(() => {}, 1000);`,
    (line) => {
      lines.push(line);
      if (line === 'later') last.resolve();
    },
  );
  onTestFinished(() => fleet.stop());
  await last.promise;
  expect({ host: fleet.host, port: fleet.port, lines }).toEqual({
    host: '127.0.0.1',
    port: 7,
    lines: ['metrics at 9', 'later'],
  });
});

test('a coordinator that does not start is told', async () => {
  await expect(fleetOf('console.log("no");')).rejects.toThrow('the coordinator did not start: no');
  await expect(fleetOf('process.exitCode = 3;')).rejects.toThrow('did not start: it ended with code 3');
});
