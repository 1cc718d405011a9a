/** The interface of a real coordinator on a real terminal. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

  test('a terminal that is stopped, or an interface that is killed, costs the coordinator nothing', async () => {
    await using cluster = await startCluster(['a', 'b']);
    const done = async (): Promise<number> => (await cluster.json<Status>(['status'])).tasks.succeeded ?? 0;
    /** Tasks that ended in a while, beside what happens meanwhile. */
    const pace = async (ms: number): Promise<number> => {
      const before = await done();
      const from = performance.now();
      await sleep(ms);
      return (1_000 * ((await done()) - before)) / (performance.now() - from);
    };
    const { job } = await cluster.json<{ job: number }>(['submit', '--array', '1-400000', '--task', 'noop']);
    await until(async () => (await done()) > 2_000);
    const alone = await pace(4_000);
    const terminal = attach(cluster);
    await terminal.waitFor(/● a .*\n.*● b /);
    terminal.keys('5');
    await terminal.waitFor('throughput');
    terminal.stop();
    const memory = async (): Promise<number> => (await cluster.json<Status>(['status'])).rssBytes ?? 0;
    const rss = await memory();
    const stopped = await pace(6_000);
    const grown = (await memory()) - rss;
    console.info(
      `no-op tasks a second: ${Math.round(alone)} alone, ${Math.round(stopped)} beside a stopped terminal; memory ${Math.round(grown / 2 ** 20)} MiB more`,
    );
    expect(stopped).toBeGreaterThan(alone / 3);
    expect(grown).toBeLessThan(150 * 2 ** 20);
    terminal.goOn();
    terminal.keys('1');
    await terminal.waitFor(/[●▲] a .*\n.*[●▲] b /);
    process.kill(terminal.pid, 'SIGKILL');
    await terminal.exited;
    const before = await done();
    await until(async () => (await done()) > before);
    const rows = await cluster.json<JobRow[]>(['jobs']);
    expect(rows.find((row) => row.job === job)?.failed).toBe(0);
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
