/**
 * The local journal: durable appends at several batch sizes, what they cost the thread that asks, group commit under an
 * open load, and recovery. Prints one table; `node test/bench/journal.ts [DIRECTORY]` runs it alone.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { groupCommit } from '../../source/journal/commit.ts';
import { packFactBatch } from '../../source/journal/fact-batch.ts';
import { openLocalStore } from '../../source/journal/local.ts';
import { recover } from '../../source/journal/recover.ts';
import type { Fact } from '../../source/model/fact.ts';

const secondsEach = 2;
const batchSizes = [1, 10, 100, 1_000];
const recoveredFacts = 1_000_000;
const openRates = [1_000, 10_000, 100_000];

/** The facts of tasks that are assigned, start and end on 20 nodes. */
function sampleFacts(count: number, from = 0): Fact[] {
  return Array.from({ length: count }, (_, i): Fact => {
    const number = Math.floor((from + i) / 3);
    const at = 1_800_000_000_000 + number / 4;
    const task = { at, job: 1 + (number % 7), ordinal: number, attempt: 1, node: `node-${number % 20}` };
    if (i % 3 === 0) return { kind: 'assigned', ...task, adopted: false };
    if (i % 3 === 1) return { kind: 'started', ...task };
    const runMs = 10 + (number % 1_000) / 8;
    const usage = { runMs, cpuMs: runMs / 2, peakBytes: 2 ** 20 + number * 4_096 };
    return { kind: 'ended', ...task, state: 'succeeded', exitCode: 0, signal: null, error: null, ...usage };
  });
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** CPU of this thread alone in µs, event loop included. */
function threadMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** The same bytes at the end of a plain file, each batch synced: what the disk allows. Returns the median in ms. */
function fileFloor(directory: string, bytes: Uint8Array): number {
  const file = openSync(join(directory, 'floor'), 'w');
  const took: number[] = [];
  for (let i = 0; i < 1_000; i++) {
    const at = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    took.push(performance.now() - at);
  }
  closeSync(file);
  rmSync(join(directory, 'floor'));
  return quantile(
    took.sort((a, b) => a - b),
    0.5,
  );
}

async function benchAppends(directory: string): Promise<void> {
  const store = await openLocalStore({ directory });
  const term = await store.campaign({ id: 'bench', address: '' });
  const commits = groupCommit({ term, limits: store.limits });
  console.log('one batch in flight');
  console.log('facts a batch   appends/s    facts/s   p50 ms   p99 ms   file, synced p50 ms   main thread us a batch');
  for (const size of batchSizes) {
    const facts = sampleFacts(size);
    for (let i = 0; i < 500; i++) await commits.commit(facts);
    const floor = fileFloor(directory, packFactBatch(facts)).toFixed(3);
    const took: number[] = [];
    const cpu = threadMicros();
    const begun = performance.now();
    while (performance.now() - begun < secondsEach * 1_000) {
      const at = performance.now();
      await commits.commit(facts);
      took.push(performance.now() - at);
    }
    const seconds = (performance.now() - begun) / 1_000;
    const micros = (threadMicros() - cpu) / took.length;
    took.sort((a, b) => a - b);
    const row = [size, took.length / seconds, (took.length * size) / seconds].map((one) => Math.round(one));
    const times = [quantile(took, 0.5), quantile(took, 0.99)].map((one) => one.toFixed(3));
    console.log(
      `${String(row[0]).padStart(13)} ${String(row[1]).padStart(11)} ${String(row[2]).padStart(10)} ${times[0]?.padStart(8)} ${times[1]?.padStart(8)} ${floor.padStart(20)} ${micros.toFixed(1).padStart(10)}`,
    );
    // So that the next size does not pay for this one's bytes.
    await term.saveSnapshot(commits.head, [new Uint8Array(1)]);
  }
  await commits.close();
  await store.close();
}

async function benchOpenLoad(directory: string): Promise<void> {
  const store = await openLocalStore({ directory });
  const commits = groupCommit({ term: await store.campaign({ id: 'bench', address: '' }), limits: store.limits });
  console.log('open load: each fact from its commit to durable, a commit every ms or rarer');
  console.log(' facts/s   p50 ms   p99 ms   facts a batch');
  for (const rate of openRates) {
    const took: number[] = [];
    const waiting: Promise<void>[] = [];
    const first = commits.head;
    const begun = performance.now();
    let sent = 0;
    while (performance.now() - begun < secondsEach * 1_000) {
      const due = Math.floor(((performance.now() - begun) * rate) / 1_000) - sent;
      if (due > 0) {
        const at = performance.now();
        waiting.push(commits.commit(sampleFacts(due, sent)).then(() => void took.push(performance.now() - at)));
        sent += due;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(waiting);
    took.sort((a, b) => a - b);
    const times = [quantile(took, 0.5), quantile(took, 0.99)].map((one) => one.toFixed(3));
    console.log(
      `${String(rate).padStart(8)} ${times[0]?.padStart(8)} ${times[1]?.padStart(8)} ${(sent / (commits.head - first)).toFixed(1).padStart(10)}`,
    );
  }
  await commits.close();
  await store.close();
}

async function benchRecovery(directory: string, batch: number): Promise<void> {
  let store = await openLocalStore({ directory });
  const commits = groupCommit({ term: await store.campaign({ id: 'bench', address: '' }), limits: store.limits });
  for (let sent = 0; sent < recoveredFacts; sent += batch) {
    void commits.commit(sampleFacts(batch, sent));
    void commits.mark();
    if (sent % 100_000 === 0) await commits.mark();
  }
  await commits.close();
  await store.close();
  store = await openLocalStore({ directory });
  const begun = performance.now();
  let seen = 0;
  const { facts, batches } = await recover(store, {
    facts(some) {
      seen += some.length;
    },
  });
  const seconds = (performance.now() - begun) / 1_000;
  if (seen !== facts) throw new Error('facts went missing');
  console.log(
    `recovery: ${facts} facts in ${batches} batches, ${(store.bytes() / facts).toFixed(1)} bytes a fact: ${seconds.toFixed(2)} s, ${(facts / seconds / 1e6).toFixed(2)} M facts/s`,
  );
  await store.close();
}

/** Runs all of it in directories of its own below `parent`. */
export async function benchJournal(parent: string = tmpdir()): Promise<void> {
  const within = async (work: (directory: string) => Promise<void>) => {
    const directory = mkdtempSync(join(parent, 'lbtop-journal-'));
    try {
      await work(directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
  await within(benchAppends);
  await within(benchOpenLoad);
  for (const batch of [1_000, 100, 10]) await within((directory) => benchRecovery(directory, batch));
}

if (import.meta.main) await benchJournal(process.argv[2]);
