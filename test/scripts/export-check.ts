/**
 * `npm run export-check`: exports the recording of a real session, and has its timeline opened by the trace engine of
 * Chrome's DevTools (npm: @paulirish/trace_engine, put in a scratch directory), which reads the format that Perfetto reads.
 * Needs the registry. (That asciinema plays the cast is a test.)
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { recordedFleet } from '../helpers/recorded.ts';

/** The part of it that is used here. */
interface TraceEngine {
  TraceModel: {
    Model: {
      createWithAllHandlers(): { parse(events: unknown[], options: object): Promise<void>; parsedTrace(): Parsed };
    };
  };
}

interface Parsed {
  data: {
    Meta: { processNames: Map<number, { args: { name: string } }> };
    Renderer: { processes: Map<number, { threads: Map<number, { name: string; entries: { name: string }[] }> }> };
  };
}

const directory = mkdtempSync(join(tmpdir(), 'lbtop-export-'));
try {
  await using fleet = await recordedFleet();
  const { cluster, file } = fleet;
  await cluster.fleet.endCoordinator();
  const exported = async (format: string): Promise<string> =>
    (await cluster.lbtop(['trace', 'export', file, '--format', format])).stdout;
  writeFileSync(join(directory, 'package.json'), '{"private":true,"type":"module"}\n');
  spawnSync('npm', ['install', '--no-audit', '--no-fund', '@paulirish/trace_engine@^0.0.65'], {
    cwd: directory,
    stdio: 'inherit',
  });
  const entry = createRequire(join(directory, 'x.js')).resolve('@paulirish/trace_engine/models/trace/trace.js');
  (globalThis as { DOMRect?: unknown }).DOMRect ??= class {}; // it is at home in a browser
  const engine = (await import(pathToFileURL(entry).href)) as TraceEngine;
  const model = engine.TraceModel.Model.createWithAllHandlers();
  const { traceEvents } = JSON.parse(await exported('perfetto')) as { traceEvents: { ph: string }[] };
  await model.parse(traceEvents, {});
  const { Meta, Renderer } = model.parsedTrace().data;
  let drawn = 0;
  for (const [process, { threads }] of Renderer.processes)
    for (const { name, entries } of threads.values()) {
      drawn += entries.length;
      console.log(`${Meta.processNames.get(process)?.args.name}, ${name}: ${entries.length} attempts`);
    }
  const written = traceEvents.filter(({ ph }) => ph === 'X').length;
  console.log(`DevTools draws ${drawn} of the ${written} attempts in the export`);
  if (drawn === 0 || drawn !== written) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true });
}
