/**
 * What an attached interface does to the loop that the scheduler runs on: how late a timer of 5 ms is (p99) in a real
 * coordinator that a thousand nodes send their heartbeats to, without an interface and with one, in turn.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants } from '../../source/node/process-stat.ts';
import { startFleet } from '../../source/simulation/fleet.ts';
import { program } from '../helpers/lbtop.ts';
import { openTerminal } from '../helpers/terminal.ts';
import { quantile } from './frame.ts';
import { startDriver } from './race/driver.ts';
import { loopDelayOf } from './race/loop-delay-of.ts';
import { programs } from './race/peers.ts';

const nodes = 1_000;
const slots = 8;
const rounds = 5;
const roundMs = 4_000;
/** An interface that has just come gets everything first. */
const settledMs = 1_500;

/** Prints the medians of the rounds, and how many times the one is of the other. */
export async function benchLateness(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-lateness-'));
  const delays = join(directory, 'delay');
  const [command, script] = program();
  const before = new Set(descendants(process.pid));
  Object.assign(process.env, { LOOP_DELAY_FILE: delays, LOOP_DELAY_FROM: 'signal' });
  const fleet = await startFleet({
    program: [command, '--import', join(import.meta.dirname, 'loop-delay.mjs'), script],
    directory,
    arguments: ['--cpu-limit', '100'],
  });
  const pid = descendants(process.pid).find((one) => !before.has(one)) as number;
  const { host, port, secretFile } = fleet;
  const args = [port, secretFile, nodes, 'n', slots].map(String);
  const crowd = await startDriver([process.execPath, join(programs, 'crowd.ts'), ...args]);
  const without: number[] = [];
  const during: number[] = [];
  const measure = async (into: number[]): Promise<void> => {
    await sleep(settledMs);
    await loopDelayOf(pid, delays); // begins anew
    await sleep(roundMs);
    into.push((await loopDelayOf(pid, delays)).p99Ms);
  };
  try {
    await sleep(settledMs);
    for (let round = 0; round < rounds; round++) {
      await measure(without);
      const terminal = openTerminal(command, [script, '--attach', `${host}:${port}`, '--secret-file', secretFile], {
        ...{ columns: 200, rows: 50 },
        env: { XDG_STATE_HOME: join(directory, 'state'), XDG_CONFIG_HOME: join(directory, 'config') },
      });
      await terminal.waitFor(/n-\d/);
      await measure(during);
      terminal.close();
      await terminal.exited;
    }
    const [base, attached] = [quantile(without, 0.5), quantile(during, 0.5)];
    console.log(
      `a timer of 5 ms in a coordinator of ${nodes} nodes, p99, medians of ${rounds} rounds: ` +
        `${base.toFixed(2)} ms late without an interface, ${attached.toFixed(2)} ms with one: ${(attached / base).toFixed(2)} times`,
    );
  } finally {
    await crowd.stop();
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
