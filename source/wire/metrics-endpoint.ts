/**
 * Serves measurements in the text format of Prometheus over HTTP: `GET /metrics`. Values are read when somebody asks, so
 * that what is not looked at costs nothing. Neither encrypted nor authenticated, as such endpoints are everywhere: it says
 * how much there is of what, never what runs. The only place that knows prom-client.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { LbtopError, oneLine } from '../model/errors.ts';
import type { Histogram, Metric } from './metric.ts';

export interface MetricsEndpoint {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `metrics`, and those of this process (CPU, memory, event-loop delay), at an address; port 0 is any. All carry
 * `labels`. Throws LbtopError where the address cannot be had.
 */
export async function serveMetrics(
  { host, port }: { host: string; port: number },
  metrics: readonly Metric[],
  labels: Readonly<Record<string, string>> = {},
): Promise<MetricsEndpoint> {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  collectDefaultMetrics({ register: registry });
  // Gauges with the suffix of counters: promtool objects, and nobody looks at them.
  for (const of of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${of}_total`);
  // Read at once, not through prom-client's maps: with thousands of nodes those would take tens of milliseconds.
  for (const metric of metrics) registry.registerMetric(registered(metric) as never);
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(path === '/metrics' ? 405 : 404, { 'content-type': 'text/plain' }).end('see /metrics\n');
      return;
    }
    exposition(registry).then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${oneLine(error)}\n`),
    );
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new LbtopError(
          'usage',
          error.code === 'EADDRINUSE'
            ? `port ${port} on ${host} is in use: choose another with --metrics or stop the other program`
            : `cannot serve metrics at ${host}:${port}: ${oneLine(error)}`,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    host,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** All as text. With thousands of nodes that takes 100 ms: between two metrics others have their turn. */
async function exposition(registry: Registry): Promise<string> {
  const parts: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    parts.push(await registry.getSingleMetricAsString(name));
    await new Promise(setImmediate);
  }
  return `${parts.join('\n\n')}\n`;
}

/** What prom-client's registry wants of a measurement. */
function registered(metric: Metric) {
  const { name, help, type } = metric;
  const values = () =>
    metric.type === 'histogram'
      ? histogramValues(name, metric.histogram())
      : Array.from(metric.samples(), ({ labels = {}, value }) => ({ labels, value }));
  return {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async () => ({ name, help, type, aggregator: 'sum', values: values() }),
  };
}

function histogramValues(name: string, { bounds, counts, sum }: Histogram) {
  let count = 0;
  const values: { metricName: string; labels: Record<string, string | number>; value: number }[] = bounds.map(
    (bound, at) => {
      count += counts[at] as number;
      return { metricName: `${name}_bucket`, labels: { le: bound }, value: count };
    },
  );
  count += counts[bounds.length] as number;
  values.push({ metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count });
  values.push({ metricName: `${name}_sum`, labels: {}, value: sum });
  values.push({ metricName: `${name}_count`, labels: {}, value: count });
  return values;
}
