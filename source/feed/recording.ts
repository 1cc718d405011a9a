/**
 * What can be replayed: a trace, or the data directory of a coordinator (running or not). What a directory keeps since its
 * last snapshot becomes a trace for the time that it is looked at; it has no heartbeats, which nobody makes durable.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { journalFiles } from '../journal/directory.ts';
import { openLocalStore } from '../journal/local.ts';
import { LbtopError } from '../model/errors.ts';
import { emptySeries, observe } from '../view/series.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { readState } from './stored-state.ts';
import { openTrace, type Trace } from './trace-reader.ts';

/** What may wait for the disk before more is read. */
const mostWaitingBytes = 4 * 1024 * 1024;

/** Opens a trace's file or a data directory. Rejects with LbtopError where it is neither, or damaged. */
export async function openRecording(path: string): Promise<Trace> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return openTrace(path);
  if (!existsSync(journalFiles(path).journal))
    throw new LbtopError('usage', `cannot read ${path}: it is a directory without a journal of lbtop`);
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-replay-'));
  try {
    const file = join(directory, 'data.lbtrace');
    await recordJournal(path, file);
    // It stays readable for whoever has it open.
    return openTrace(file, { shownAs: path });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function recordJournal(directory: string, file: string): Promise<void> {
  const store = await openLocalStore({ directory, readOnly: true });
  const series = emptySeries();
  let recorder: Recorder | null = null;
  try {
    await readState(store, {
      begins(state) {
        recorder = startRecorder({ file, version: state.version, state, series, log: () => {} });
      },
      async applied(facts, state) {
        for (const fact of facts) observe(series, state, fact);
        recorder?.record(facts);
        while ((recorder?.status().waitingBytes ?? 0) > mostWaitingBytes) await turn();
      },
    });
  } finally {
    await (recorder as Recorder | null)?.close();
    await store.close();
  }
  const { dropped, why } = (recorder as Recorder | null)?.status() ?? { dropped: 0, why: null };
  if (dropped > 0) throw new LbtopError('failed', `cannot read ${directory}: ${file} cannot be written (${why})`);
}
