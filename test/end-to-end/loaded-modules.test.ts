/** What real processes load: the interface's packages are for interfaces alone, whatever a word or a node imports while it runs. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { type Cluster, program, startCluster, until } from '../helpers/lbtop.ts';
import { noTerminal, openTerminal } from '../helpers/terminal.ts';

const hook = resolve(import.meta.dirname, '../helpers/loaded-modules.mjs');

/** A file of Ink, of React, or of the interface itself. */
const ofInterface = /\/node_modules\/(ink|react|react-reconciler|yoga-layout)\/|\/source\/ui\//;

function watching({ fleet, directory }: Cluster, name: string): Record<string, string> {
  const { XDG_STATE_HOME = '', XDG_CONFIG_HOME = '' } = fleet.environment;
  const own = { LOADED_MODULES: join(directory, name), NODE_OPTIONS: `--import=${hook}` };
  return { XDG_STATE_HOME, XDG_CONFIG_HOME, ...own };
}

/** What the processes of a name have loaded so far, each in a list of its own. */
function loaded({ directory }: Cluster, name: string): string[][] {
  return readdirSync(directory)
    .filter((file) => file.startsWith(`${name}-`))
    .map((file) => readFileSync(join(directory, file), 'utf8').split('\n').filter(Boolean));
}

test('submit and a node never load the interface', async () => {
  await using cluster = await startCluster([]);
  cluster.start(['--node', '--name', 'a', '--slots', '1'], watching(cluster, 'node'));
  await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === 1);
  const { code } = await cluster.lbtop(['submit', '--wait', '--', 'true'], '', watching(cluster, 'submit'));
  expect(code).toBe(0);
  for (const name of ['node', 'submit']) {
    const [one = [], ...others] = loaded(cluster, name);
    expect(others).toEqual([]);
    expect(one.length).toBeGreaterThan(10);
    expect(one.filter((url) => ofInterface.test(url))).toEqual([]);
  }
});

test.skipIf(noTerminal() !== null)('an interface does, and this test would see it', async () => {
  await using cluster = await startCluster(['a']);
  const [node, script] = program();
  const { host, port } = cluster.fleet;
  const terminal = openTerminal(node, [script, '--attach', `${host}:${port}`], { env: watching(cluster, 'attach') });
  try {
    await terminal.waitFor(/● a /);
    const [one = []] = loaded(cluster, 'attach');
    expect(one.some((url) => /\/node_modules\/ink\//.test(url))).toBe(true);
    expect(one.some((url) => /\/node_modules\/react\//.test(url))).toBe(true);
  } finally {
    terminal.close();
  }
});
