import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { serveMetrics } from '../../source/wire/metrics-endpoint.ts';
import { startCluster } from '../helpers/lbtop.ts';

/** Samples by `name{labels}`, of what was scraped. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_0-9]+(?:\{.*\})?) (\S+)$/.exec(line);
    if (match !== null) samples.set(match[1] as string, Number(match[2]));
  }
  return samples;
}

async function scrape(url: string): Promise<{ text: string; samples: Map<string, number> }> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch('text/plain; version=0.0.4');
  const text = await response.text();
  return { text, samples: parse(text) };
}

test('a scrape after real work: counts, histograms, nodes; each query of the dashboard names what is served', {
  timeout: 60_000,
}, async (context) => {
  const port = await freePort();
  await using cluster = await startCluster(['ash', 'birch'], () => [
    '--cpu-limit',
    '100',
    '--metrics',
    `127.0.0.1:${port}`,
  ]);
  const url = `http://127.0.0.1:${port}/metrics`;
  await cluster.lbtop(['run', '--array', '1-20', '--', 'true']);
  await cluster.lbtop(['run', '--', 'false']);
  const { text, samples } = await scrape(url);
  expect(samples.get('lbtop_tasks_submitted_total')).toBe(21);
  expect(samples.get('lbtop_tasks_ended_total{state="succeeded"}')).toBe(20);
  expect(samples.get('lbtop_tasks_ended_total{state="failed"}')).toBe(1);
  expect(samples.get('lbtop_tasks{state="succeeded"}')).toBe(20);
  expect(samples.get('lbtop_task_run_seconds_count')).toBe(21);
  expect(samples.get('lbtop_task_wait_seconds_bucket{le="+Inf"}')).toBe(21);
  expect(samples.get('lbtop_slots')).toBe(4);
  expect(samples.get('lbtop_nodes{health="up"}')).toBe(2);
  expect(samples.get('lbtop_node_slots{node="birch"}')).toBe(2);
  expect(samples.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);

  // What a histogram counts up to a bound grows with the bound.
  const buckets = [...samples].filter(([name]) => name.startsWith('lbtop_task_run_seconds_bucket'));
  expect(buckets.map(([, count]) => count)).toEqual(buckets.map(([, count]) => count).sort((a, b) => a - b));

  const served = new Set([...samples.keys()].map((key) => key.replace(/\{.*/, '')));
  for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) served.add(name);
  const dashboard = readFileSync(new URL('../../docs/grafana/lbtop.json', import.meta.url), 'utf8');
  const { panels } = JSON.parse(dashboard) as { panels: { targets: { expr: string }[] }[] };
  const wanted = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/[a-z]+_[a-z_0-9]+/g) ?? []));
  expect(wanted.length).toBeGreaterThan(10);
  expect(wanted.filter((name) => !served.has(name) && name !== 'histogram_quantile')).toEqual([]);

  await context.annotate(promtool(text));
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

async function freePort(): Promise<number> {
  const endpoint = await serveMetrics({ host: '127.0.0.1', port: 0 }, []);
  await endpoint.close();
  return endpoint.port;
}
