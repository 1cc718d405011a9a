/** What Prometheus is told, by a coordinator and by a node, after work and under load. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { serveMetrics } from '../../source/wire/metrics-endpoint.ts';
import { type Cluster, startCluster, until } from '../helpers/lbtop.ts';

interface Scrape {
  readonly text: string;
  /** By `name{labels}`. */
  readonly samples: ReadonlyMap<string, number>;
}

async function scrape(url: string): Promise<Scrape> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch('text/plain; version=0.0.4');
  const text = await response.text();
  const lines = text.matchAll(/^([a-z_0-9]+(?:\{.*\})?) (\S+)$/gm);
  return { text, samples: new Map(Array.from(lines, ([, name = '', value]) => [name, Number(value)])) };
}

/** Names of all that is served. */
function served({ text }: Scrape): string[] {
  return [...text.matchAll(/^(?:# TYPE )?([a-z]\w*)/gm)].map(([, name = '']) => name);
}

/** What a histogram counts up to each bound. */
function buckets({ samples }: Scrape, name: string): number[] {
  return [...samples].filter(([key]) => key.startsWith(`${name}_bucket`)).map(([, count]) => count);
}

/** Both roles in one cluster, their metrics on any port, which their logs tell. */
async function measuredCluster(): Promise<{ cluster: Cluster; coordinator: string; node: string }> {
  const coordinator = Promise.withResolvers<string>();
  const found = (line: string) => /metrics at (\S+)/.exec(line)?.[1];
  const cluster = await startCluster(['ash'], () => ['--cpu-limit', '100', '--metrics', '127.0.0.1:0'], {
    log: (line) => {
      const url = found(line);
      if (url !== undefined) coordinator.resolve(url);
    },
  });
  let said = '';
  const { host, port } = cluster.fleet;
  const birch = ['--node', '--name', 'birch', '--slots', '2', '--connect', `${host}:${port}`];
  cluster.start([...birch, '--metrics', '127.0.0.1:0']).stdout?.on('data', (data) => {
    said += String(data);
  });
  await until(() => found(said) !== undefined);
  await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === 2);
  return { cluster, coordinator: await coordinator.promise, node: found(said) as string };
}

test('after real work: counts, histograms, load; each query of the dashboard names what is served', {
  timeout: 120_000,
}, async (context) => {
  const { cluster, coordinator, node } = await measuredCluster();
  await using _ = cluster;
  await cluster.lbtop(['drain', 'ash', '--wait']);
  await cluster.lbtop(['run', '--array', '1-20', '--', 'echo', 'out']);
  await cluster.lbtop(['run', '--', 'false']);
  const told = await scrape(coordinator);
  expect(told.samples.get('lbtop_tasks_submitted_total')).toBe(21);
  expect(told.samples.get('lbtop_tasks_ended_total{state="succeeded"}')).toBe(20);
  expect(told.samples.get('lbtop_tasks_ended_total{state="failed"}')).toBe(1);
  expect(told.samples.get('lbtop_tasks{state="succeeded"}')).toBe(20);
  expect(told.samples.get('lbtop_task_run_seconds_count')).toBe(21);
  expect(told.samples.get('lbtop_task_wait_seconds_bucket{le="+Inf"}')).toBe(21);
  expect(told.samples.get('lbtop_slots')).toBe(4);
  expect(told.samples.get('lbtop_nodes{health="up"}')).toBe(2);
  expect(told.samples.get('lbtop_node_slots{node="birch"}')).toBe(2);
  expect(told.samples.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);

  // Results are settled a moment after the client has them; the load is that of the last heartbeat.
  await until(async () => {
    const { samples } = await scrape(node);
    const spooled = samples.get('lbtop_agent_results_spooled{node="birch"}');
    return spooled === 0 && samples.has('lbtop_agent_cpu_ratio{node="birch"}');
  });
  const itself = await scrape(node);
  expect(itself.samples.get('lbtop_agent_link_up{node="birch"}')).toBe(1);
  expect(itself.samples.get('lbtop_agent_connections_total{node="birch"}')).toBe(1);
  expect(itself.samples.get('lbtop_agent_slots{node="birch"}')).toBe(2);
  expect(itself.samples.get('lbtop_agent_tasks_ended_total{outcome="succeeded",node="birch"}')).toBe(20);
  expect(itself.samples.get('lbtop_agent_tasks_ended_total{outcome="failed",node="birch"}')).toBe(1);
  expect(itself.samples.get('lbtop_agent_task_run_seconds_count{node="birch"}')).toBe(21);
  expect(itself.samples.get('lbtop_agent_output_bytes_total{node="birch"}')).toBe(20 * 'out\n'.length);
  expect(itself.samples.get('nodejs_eventloop_lag_p99_seconds{node="birch"}')).toBeGreaterThanOrEqual(0);
  const shares = ['cpu', 'cpu_ours', 'cpu_others'].map((name) =>
    Number(itself.samples.get(`lbtop_agent_${name}_ratio{node="birch"}`)),
  );
  expect((shares[1] as number) + (shares[2] as number)).toBeCloseTo(shares[0] as number);

  // What a histogram counts up to a bound grows with the bound.
  for (const counts of [buckets(told, 'lbtop_task_run_seconds'), buckets(itself, 'lbtop_agent_task_run_seconds')]) {
    expect(counts.length).toBeGreaterThan(10);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  }

  const names = new Set([...served(told), ...served(itself)]);
  const dashboard = readFileSync(new URL('../../docs/grafana/lbtop.json', import.meta.url), 'utf8');
  const { panels } = JSON.parse(dashboard) as { panels: { targets: { expr: string }[] }[] };
  const wanted = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/[a-z]+_[a-z_0-9]+/g) ?? []));
  expect(wanted.filter((name) => name.startsWith('lbtop_agent_')).length).toBeGreaterThan(5);
  expect(wanted.filter((name) => !names.has(name) && name !== 'histogram_quantile')).toEqual([]);

  await context.annotate(`${promtool(told.text)}; ${promtool(itself.text)}`);
});

test('under load: every scrape is whole, what is counted never goes back, and in the end nothing is missing', {
  timeout: 120_000,
}, async ({ signal }) => {
  const { cluster, coordinator, node } = await measuredCluster();
  await using _ = cluster;
  const tasks = 500;
  const work = cluster.lbtop(['run', '--array', `1-${tasks}`, '--', 'echo', 'a line of output']);
  let over = false;
  void work.then(() => {
    over = true;
  });
  const before = new Map<string, number>();
  let inBetween = 0;
  do {
    signal.throwIfAborted();
    for (const url of [coordinator, node]) {
      const { samples, text } = await scrape(url);
      expect(text.endsWith('\n')).toBe(true);
      for (const [name, value] of samples) {
        if (!/_(total|count|bucket|sum)(\{|$)/.test(name)) continue;
        expect({ name, isBack: value < (before.get(name) ?? 0) }).toEqual({ name, isBack: false });
        before.set(name, value);
      }
      const running =
        samples.get('lbtop_tasks{state="running"}') ?? samples.get('lbtop_agent_tasks_running{node="birch"}');
      if (Number(running) > 0) inBetween++;
    }
    await sleep(50); // who scrapes without a pause measures the scraping
  } while (!over);
  expect((await work).code).toBe(0);
  expect(inBetween).toBeGreaterThan(2);
  const { samples } = await scrape(coordinator);
  expect(samples.get('lbtop_tasks_ended_total{state="succeeded"}')).toBe(tasks);
  const [ash, birch] = (await cluster.json<{ name: string; succeeded: number }[]>(['nodes'])).map(
    ({ succeeded }) => succeeded,
  ) as [number, number];
  expect(ash + birch).toBe(tasks);
  expect((await scrape(node)).samples.get('lbtop_agent_tasks_ended_total{outcome="succeeded",node="birch"}')).toBe(
    birch,
  );
});

test('what else is asked of it, and an address that is taken', async () => {
  await using endpoint = Object.assign(await serveMetrics({ host: '127.0.0.1', port: 0 }, []), {
    async [Symbol.asyncDispose]() {
      await endpoint.close();
    },
  });
  const base = `http://127.0.0.1:${endpoint.port}`;
  expect((await fetch(`${base}/`)).status).toBe(404);
  expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405);
  await expect(serveMetrics({ host: '127.0.0.1', port: endpoint.port }, [])).rejects.toThrow(/in use: choose another/);

  await using cluster = await startCluster([]);
  const { host, port } = cluster.fleet;
  const node = ['--node', '--name', 'ash', '--connect', `${host}:${port}`];
  const refused = await cluster.lbtop([...node, '--metrics', `127.0.0.1:${endpoint.port}`]);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(/^lbtop: port \d+ on 127\.0\.0\.1 is in use: choose another with --metrics/);
});

/** Debian's checker, where it is; throws where it finds fault. */
function promtool(text: string): string {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'promtool is not there: the text was not checked by it';
  }
  execFileSync('promtool', ['check', 'metrics'], { input: text, stdio: ['pipe', 'inherit', 'inherit'] });
  return 'promtool found nothing wrong';
}
