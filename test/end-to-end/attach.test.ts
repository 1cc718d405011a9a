/** The interface of a real coordinator on a real terminal. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { JobRow, Status } from '../../source/model/report.ts';
import { type Cluster, program, startCluster, until } from '../helpers/lbtop.ts';
import { noTerminal, openTerminal, type TestTerminal } from '../helpers/terminal.ts';

const why = noTerminal();
if (why !== null) console.warn(`skipped: attached interfaces: ${why}`);
const open: TestTerminal[] = [];
afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close();
});

function attach({ fleet }: Cluster, args: readonly string[] = []): TestTerminal {
  const [node, script] = program();
  const env: Record<string, string> = {};
  for (const name of ['XDG_STATE_HOME', 'XDG_CONFIG_HOME']) env[name] = fleet.environment[name] ?? '';
  const terminal = openTerminal(node, [script, '--attach', `${fleet.host}:${fleet.port}`, ...args], {
    env,
    cwd: join(env.XDG_STATE_HOME ?? '', '..'),
  });
  open.push(terminal);
  return terminal;
}

describe.skipIf(why !== null)('attached', () => {
  test('goes on after the coordinator was killed and started again', async () => {
    await using cluster = await startCluster(['a', 'b'], undefined, { durable: true });
    const terminal = attach(cluster);
    await terminal.waitFor(/● a .*\n.*● b /);
    await cluster.fleet.killCoordinator();
    await terminal.waitFor('connection lost, trying again');
    // What was seen is still there.
    expect(terminal.text()).toMatch(/● a /);
    terminal.keys('j');
    await terminal.waitFor(/▌ . b /);
    await cluster.fleet.restartCoordinator();
    await terminal.waitFor('● running');
    await terminal.waitFor(/● a .*\n.*● b /);
    terminal.keys('p');
    await terminal.waitFor(/‖ b .*paused by/);
    terminal.keys('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  test('freezes, scrubs back while the session goes on, and is live again; a recording shows in the header', async () => {
    await using cluster = await startCluster(['a', 'b']);
    const terminal = attach(cluster);
    await terminal.waitFor(/● a .*\n.*● b /);
    await cluster.lbtop(['pause', 'a']);
    await terminal.waitFor(/‖ a .*paused by/);
    terminal.keys('f');
    await terminal.waitFor('stopped 1×');
    expect(terminal.text()).toMatch(/‖ a /);
    // In the past nothing acts.
    terminal.keys('jp');
    await terminal.waitFor(/▌ . b /);
    // The session goes on, unseen.
    await cluster.lbtop(['drain', 'b']);
    terminal.keys('N');
    await terminal.waitFor(/event \d+ of \d+/);
    terminal.keys('g0%\r');
    await terminal.waitFor(/● a /);
    expect(terminal.text()).not.toMatch(/○ b |◐ b /);
    terminal.keys('L');
    await terminal.waitFor(/‖ a [\s\S]*○ b /);
    await terminal.waitWithout('stopped 1×');
    const file = join(cluster.directory, 'kept.lbtrace');
    terminal.keys(`R${file}\r`);
    await terminal.waitFor(/● rec/);
    terminal.keys('R\r');
    await terminal.waitWithout(/● rec/);
    expect(existsSync(file)).toBe(true);
    terminal.keys('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  test('a terminal that is stopped costs the coordinator nothing and then shows what is now; nor does one that is killed', async () => {
    await using cluster = await startCluster(['a', 'b']);
    const status = (): Promise<Status> => cluster.json<Status>(['status']);
    const done = async (): Promise<number> => (await status()).tasks.succeeded ?? 0;
    const submit = async (tasks: number): Promise<number> =>
      (await cluster.json<{ job: number }>(['submit', '--array', `1-${tasks}`, '--task', 'noop'])).job;
    // Memory as it is after work of this kind.
    await submit(20_000);
    await until(async () => (await done()) === 20_000);
    const terminal = attach(cluster);
    await terminal.waitFor(/● a .*\n.*● b /);
    terminal.keys('5');
    await terminal.waitFor('throughput');
    terminal.stop();
    const { rssBytes } = await status();
    const { length } = terminal.output;
    const job = await submit(100_000);
    // The work goes on to its end, whoever reads; what is not read is not kept for later.
    await until(async () => (await done()) === 120_000);
    expect((await status()).rssBytes - rssBytes).toBeLessThan(150 * 2 ** 20);
    expect(terminal.output.length).toBe(length);
    terminal.goOn();
    terminal.keys('1');
    await terminal.waitFor(/done 120 000[\s\S]*[●▲] a .*\n.*[●▲] b /);
    process.kill(terminal.pid, 'SIGKILL');
    await terminal.exited;
    const last = await submit(1_000);
    expect((await cluster.lbtop(['wait', String(last)])).code).toBe(0);
    const rows = await cluster.json<JobRow[]>(['jobs']);
    expect(rows.find((row) => row.job === job)).toMatchObject({ succeeded: 100_000, failed: 0 });
  });

  test('a terminal that closes ends the interface, not the coordinator', async () => {
    await using cluster = await startCluster(['a']);
    const terminal = attach(cluster);
    await terminal.waitFor(/● a /);
    const { pid } = terminal;
    terminal.signal('SIGHUP');
    await terminal.exited;
    await until(() => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '));
    expect((await cluster.json<Status>(['status'])).nodes.up).toBe(1);
  });
});
