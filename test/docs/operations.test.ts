/** The commands of docs/operations.md, run in their order against an engine on loopback. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCommandLine } from '../../source/client/command-line.ts';
import { coordinatorMetrics, type MetricsSource } from '../../source/coordinator/metrics.ts';
import type { AgentSnapshot } from '../../source/node/agent.ts';
import { agentMetrics } from '../../source/node/metrics.ts';
import { logLine } from '../../source/wire/log-line.ts';
import { type Engine, engineMissing, startEngine } from '../helpers/engine.ts';
import { until } from '../helpers/lbtop.ts';
import { type Succession, successionIn } from '../helpers/succession.ts';
import { blocksOf } from './shell-session.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/operations.md'), 'utf8');
const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, lines = '']) => lines.trimEnd().split('\n'));

let engine: Engine;
beforeAll(async () => {
  if (engineMissing === null) engine = await startEngine();
}, 90_000);
afterAll(() => engine?.stop());

/** Starts what goes on, waits for what ends; returns what that printed. */
async function run(command: string, cluster: Succession): Promise<string> {
  const members = engine.members.map(({ clientPort }) => `127.0.0.1:${clientPort}`);
  const here = command.replace(/\be([123]):2379/g, (_, number) => members[number - 1] as string);
  const [program, ...args] = here.replace(/--host c\d/, '--host 127.0.0.1').split(' ');
  if (program === 'etcdctl') {
    const env = { ...process.env, ETCDCTL_API: '3' };
    return (await promisify(execFile)('etcdctl', args, { env, cwd: cluster.directory })).stdout;
  }
  if (args[0] === '--coordinator') {
    const more = args.slice(args.indexOf('--store') + 2);
    await (more.includes('--standby') ? cluster.startStandby() : cluster.startCoordinator(more).leads);
    return '';
  }
  if (args[0] === '--node') {
    cluster.startNode(args[2] as string, args.slice(3));
    await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === 1);
    return '';
  }
  const { code, stdout, stderr } = await cluster.lbtop(args);
  expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: '' });
  return stdout;
}

test.skipIf(engineMissing !== null)('each command does what the page says', async () => {
  await using cluster = await successionIn(engine.url);
  const printed: string[] = [];
  for (const command of commands) {
    if (command.includes('/lbtop/nodes/')) await until(async () => (await run(command, cluster)) !== '');
    printed.push(await run(command, cluster));
  }
  expect(printed[3]).toBe('hello\n');
  expect(printed[4]).toMatch(/^\/lbtop\/nodes\/n1\n\{"name":"n1","health":"up",/);
  expect(JSON.parse(printed[5] ?? '')).toMatchObject({ address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
  expect(existsSync(join(cluster.directory, 'lbtop.backup'))).toBe(true);
});

test('the page has these commands', () => {
  expect(commands.map((command) => command.split(' ').slice(0, 2).join(' '))).toEqual([
    'lbtop --coordinator',
    'lbtop --coordinator',
    'lbtop --node',
    'lbtop run',
    ...Array.from({ length: 3 }, () => 'etcdctl --endpoints'),
  ]);
});

test('the metrics that the page names are those that are served', () => {
  const { metrics: ofCoordinator } = coordinatorMetrics({} as MetricsSource);
  const { metrics: ofNode } = agentMetrics('1.0.0', () => ({}) as AgentSnapshot);
  const served = [...ofCoordinator, ...ofNode].map(({ name }) => name);
  const named = [...page.matchAll(/`(?:increase\()?(lbtop_\w+)/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(4);
  // `lbtop_node_…`: all that begin so.
  expect(
    named.filter((name) => !served.some((one) => one === name || (name.endsWith('_') && one.startsWith(name)))),
  ).toEqual([]);
});

test('what the page has root do takes what is there: each command is one of a system, each file one of the package', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-root-'));
  try {
    const stubs = ['useradd', 'install', 'systemctl'];
    for (const name of stubs) writeFileSync(join(directory, name), `#!/bin/sh\necho ${name} "$@"\n`, { mode: 0o755 });
    const blocks = blocksOf(page, 'sh root').map((block) => block.replaceAll('/etc/default/', `${directory}/`));
    expect(blocks).toHaveLength(2);
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-ec', blocks.join('')], {
      encoding: 'utf8',
      env: { PATH: directory },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const sources = [...stdout.matchAll(/^install -m 644 (\S+)/gm)].map(([, path = '']) => path);
    const started = [...stdout.matchAll(/^systemctl enable --now (\S+)$/gm)].map(([, unit = '']) => unit);
    expect(sources).toEqual(started.map((unit) => `packaging/systemd/${unit}.service`));
    for (const path of sources) expect(existsSync(resolve(import.meta.dirname, '../..', path))).toBe(true);
    for (const unit of started)
      for (const [, name = '', value = ''] of readFileSync(join(directory, unit), 'utf8').matchAll(/^(\w+)=(.*)$/gm))
        expect(
          parseCommandLine([unit.replace('lbtop-', '--')], { env: { [name]: value }, settings: () => ({}) }).origins,
        ).toEqual(expect.objectContaining({ [name.slice('LBTOP_'.length).toLowerCase()]: 'variable' }));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

const promtoolMissing = spawnSync('promtool', ['--version']).error !== undefined;

test.skipIf(promtoolMissing)("Prometheus takes the page's settings", () => {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-prometheus-'));
  try {
    const file = join(directory, 'prometheus.yml');
    writeFileSync(file, blocksOf(page, 'yaml').join(''));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', file], { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: expect.stringContaining('SUCCESS') });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the line of a log that it shows is one', () => {
  const [line = ''] = blocksOf(page, 'json');
  const { time, message, level: _, ...fields } = JSON.parse(line);
  expect(`${logLine('json', Date.parse(time), message, fields)}\n`).toBe(line);
});
