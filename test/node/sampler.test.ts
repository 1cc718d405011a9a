import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { container } from '../../source/node/container.ts';
import { parseProcessStat, processStat } from '../../source/node/process-stat.ts';
import { parseCpuLine, parseMemoryUsed } from '../../source/node/sampler.ts';
import { agentOn, fakeCoordinator, give, shell, task, until } from './fake-coordinator.ts';

test.each([
  ['a command', () => shell('while :; do :; done')],
  ['its grandchildren', () => shell('(while :; do :; done) & wait')],
  ['a computation', () => task('sum-up', 1e14)],
])('the load of %s is ours', async (_, work) => {
  const fake = fakeCoordinator();
  await using __ = await agentOn(fake, { slots: 1 });
  const idle = await until(() => fake.of('heartbeat')[0]);
  expect(idle.sample).toMatchObject({ running: 0, waiting: 0 });
  expect(idle.sample.cpuOurs).toBeLessThan(10);
  give(fake, work());
  // One of the cores, when others leave it alone.
  const least = (100 / os.availableParallelism()) * 0.1;
  const { sample } = await until(() => fake.of('heartbeat').find((one) => one.sample.cpuOurs > least));
  expect(sample.cpu).toBeGreaterThanOrEqual(sample.cpuOurs);
  expect(sample.running).toBe(1);
  expect(sample.memoryUsed).toBeGreaterThan(0);
  expect(sample.memoryUsed).toBeLessThan(os.totalmem());
});

test('what it says of itself', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { labels: { rack: 'a' }, resources: { gpu: 2 }, cpuLimit: 70 });
  const info = fake.of('join')[0]?.info;
  expect(info).toMatchObject({
    labels: { rack: 'a' },
    resources: { gpu: 2 },
    cpuLimit: 70,
    handlers: [],
    listen: null,
    host: os.hostname(),
    pid: process.pid,
    version: 'test',
    slots: 2,
  });
  expect(info?.cores).toBeGreaterThanOrEqual(1);
  expect(info?.cores).toBeLessThanOrEqual(os.cpus().length);
  expect(info?.memoryTotal).toBeLessThanOrEqual(os.totalmem());
  expect(info?.cpuModel.length).toBeGreaterThan(0);
});

test('parses what the kernel says', () => {
  expect(parseCpuLine('cpu  100 5 50 1000 20 1 2 3 40 0\ncpu0 1 1 1 1\n')).toEqual({ usedMs: 1_610, wholeMs: 11_810 });
  expect(parseCpuLine('nonsense')).toBeNull();
  expect(parseMemoryUsed('MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    400 kB\n')).toBe(600 * 1_024);
  const odd = `77 (a) b (c) S 1 77 76 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 4242 1000 25 184467`;
  expect(parseProcessStat(odd)).toEqual({
    pid: 77,
    state: 'S',
    parent: 1,
    group: 77,
    session: 76,
    ownMs: 2_000,
    childrenMs: 500,
    startTicks: 4_242,
    residentBytes: 25 * 4_096,
  });
  expect(parseProcessStat('')).toBeNull();
  expect(processStat('self')?.pid).toBe(process.pid);
  expect(Number(readFileSync('/proc/self/stat', 'utf8').split(' ')[0])).toBe(process.pid);
});

describe('a container', () => {
  function made(self: string, files: Record<string, string>) {
    const root = mkdtempSync(join(os.tmpdir(), 'lbtop-test-'));
    for (const [path, text] of Object.entries({ ...files, self })) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    try {
      const { cpu, memory } = container(root, join(root, 'self'));
      return { cores: cpu?.cores, usedMs: cpu?.usedMs(), limit: memory?.limitBytes, used: memory?.usedBytes() };
    } finally {
      rmSync(root, { recursive: true });
    }
  }

  test('of version 2: the tightest limit of it and its parents', () => {
    const files = {
      'a/b/cpu.max': 'max 100000\n',
      'a/cpu.max': '150000 100000\n',
      'a/cpu.stat': 'usage_usec 5000000\nuser_usec 1\n',
      'a/b/memory.max': '1000000\n',
      'a/b/memory.current': '600000\n',
      'a/b/memory.stat': 'anon 5\ninactive_file 100000\n',
      'a/memory.max': '2000000\n',
    };
    expect(made('0::/a/b\n', files)).toEqual({ cores: 1.5, usedMs: 5_000, limit: 1_000_000, used: 500_000 });
  });

  test('of version 1, its path that of the host', () => {
    const files = {
      'cpu/cpu.cfs_quota_us': '50000\n',
      'cpu/cpu.cfs_period_us': '100000\n',
      'cpuacct/cpuacct.usage': '3000000000\n',
      'memory/memory.limit_in_bytes': '1048576\n',
      'memory/memory.usage_in_bytes': '524288\n',
      'memory/memory.stat': 'total_inactive_file 24288\n',
    };
    const self = '4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n';
    expect(made(self, files)).toEqual({ cores: 0.5, usedMs: 3_000, limit: 1_048_576, used: 500_000 });
  });

  test('without limits', () => {
    const files = {
      'cpu/cpu.cfs_quota_us': '-1\n',
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'cpu.max': 'max 100000',
    };
    expect(made('0::/\n4:memory:/\n3:cpu:/\n', files)).toEqual({});
  });
});
