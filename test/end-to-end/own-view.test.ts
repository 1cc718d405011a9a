/** `lbtop --node` in a terminal: its own view, in a process of its own. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { descendants } from '../../source/node/process-stat.ts';
import { type Cluster, program, startCluster, until } from '../helpers/lbtop.ts';
import { noTerminal, openTerminal, type TestTerminal } from '../helpers/terminal.ts';

const why = noTerminal();
if (why !== null) console.warn(`skipped: a node in a terminal: ${why}`);

describe.skipIf(why !== null)('a node in a terminal', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([]);
  });
  const terminals: TestTerminal[] = [];
  afterEach(() => {
    // A node outlives its terminal.
    for (const one of terminals.splice(0)) one.signal('SIGKILL');
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  function open(name: string): TestTerminal {
    const { host, port, environment } = cluster.fleet;
    const [node, cli] = program();
    const env = Object.fromEntries(
      Object.entries(environment).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
    );
    const terminal = openTerminal(
      node,
      [cli, '--node', '--connect', `${host}:${port}`, '--name', name, '--slots', '2'],
      {
        columns: 100,
        rows: 24,
        env,
        cwd: cluster.directory,
      },
    );
    terminals.push(terminal);
    return terminal;
  }

  test('shows slots, tasks, CPU and the link; q stops the node and gives the terminal back', async () => {
    const terminal = open('seen');
    await terminal.waitFor(`${cluster.fleet.host}:${cluster.fleet.port}`);
    await terminal.waitFor('0/2');
    expect(terminal.modes()).toMatchObject({ alternateScreen: true, cursorHidden: true });
    const { job } = await cluster.json<{ job: number }>(['submit', '--', 'sleep', '300']);
    await terminal.waitFor('1/2');
    await terminal.waitFor(new RegExp(`${job}\\.0 .*sleep 300`));
    await terminal.waitFor(/cpu .*%, tasks/);
    terminal.resize(60, 12);
    await terminal.waitFor(/sleep 300/);
    terminal.keys('q');
    const { exitCode } = await terminal.exited;
    expect(exitCode).toBe(0);
    expect(terminal.modes()).toMatchObject({ alternateScreen: false, cursorHidden: false });
    expect(terminal.text()).toContain('stopping: its view was quit'); // the log is printed then
    await cluster.lbtop(['cancel', String(job)]);
  });

  test('without its view it goes on with log lines', async () => {
    const terminal = open('blind');
    await terminal.waitFor('0/2');
    const { job } = await cluster.json<{ job: number }>(['submit', '--', 'sleep', '300']);
    await terminal.waitFor('1/2');
    const view = descendants(terminal.pid).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('own-process'),
    );
    process.kill(view as number, 'SIGKILL');
    await until(() => !terminal.modes().alternateScreen && !terminal.modes().cursorHidden);
    await terminal.waitFor('joined as blind');
    const rows = await cluster.json<{ state: string }[]>(['tasks', String(job)]);
    expect(rows[0]?.state).toBe('running');
    await cluster.lbtop(['cancel', String(job)]);
    terminal.signal('SIGTERM');
    await terminal.exited;
  });
});
