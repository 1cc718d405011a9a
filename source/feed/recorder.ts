/**
 * Writes a session into a trace while it runs. The loop that hands over facts never waits for it: facts are gathered,
 * packed a few thousand at a time, squeezed on another thread and written asynchronously. Where the disk cannot keep up,
 * or is full, facts are counted instead of kept, and the trace says how many are missing.
 */

import { statSync } from 'node:fs';
import { LbtopError, oneLine } from '../model/errors.ts';
import type { Event } from '../model/event.ts';
import { type Fact, type FactOf, isLasting } from '../model/fact.ts';
import { roundedSample } from '../model/node.ts';
import type { State } from '../scheduler/state.ts';
import type { Series } from '../view/series.ts';
import { packValue } from '../wire/codec.ts';
import { packFacts } from '../wire/fact-bytes.ts';
import { writerOf } from './file-writer.ts';
import { incidentFlag } from './trace-format.ts';
import { incidentOf } from './trace-incident.ts';
import { type Input, inputOf, packInputs, type Seen } from './trace-inputs.ts';
import { instantOf, keyframes } from './trace-keyframe.ts';
import { type Continuation, continuationOf } from './trace-outline.ts';
import { type Disk, type Sealed, traceWriter } from './trace-writer.ts';

/** A block of facts is closed at this size, or when it is old enough that a crash would cost too much. */
const blockFacts = 4_096;
const blockInputs = 16_384;
const blockTextBytes = 4 * 1024 * 1024;
const smallBlockFacts = 512;
const smallBlockMs = 1_000;
const oldestMs = 10_000;
/** A reader that goes to an instant folds at most about as many facts. */
const keyframeFacts = 32_768;
const keyframeAtLeastMs = 2_000;
const keyframeAtMostMs = 300_000;
const keyframesPerIndex = 4;
/** Packed blocks that wait for the disk. */
const backlogBytes = 32 * 1024 * 1024;
const retryMs = 10_000;

export interface RecorderOptions {
  /** Where to; a recording that is there already goes on behind its end, with a gap. */
  file: string;
  /** Of the program. */
  version: string;
  /** What the facts are applied to. Only read. */
  state: State;
  /** What is observed beside it, so that a replay has charts from its first moment on. */
  series?: Series;
  /**
   * Called where the recording begins, and where it begins again after a gap: the scheduler makes what it keeps beside the
   * state anew, and tells what it has seen of nodes. Absent: what the scheduler is told is not recorded.
   */
  anew?: () => readonly Seen[];
  log(line: string): void;
  /** For tests. */
  disk?: Disk;
}

export interface RecorderStatus {
  /** `stalled`: facts are not being written at the moment, for the reason in `why`. */
  state: 'recording' | 'stalled' | 'closed';
  why: string | null;
  /** Size of the file, and what waits to be written, before compression. */
  bytes: number;
  waitingBytes: number;
  /** Facts that were handed over, and those of them that the trace will not have. */
  facts: number;
  dropped: number;
}

export interface Recorder {
  readonly file: string;
  /**
   * Takes facts that have just been applied to the state, in order, and before anything else is applied; `event` is what
   * they followed from, told also where nothing did. Takes about a microsecond a fact, never waits, never throws.
   */
  record(facts: readonly Fact[], event?: Event): void;
  status(): RecorderStatus;
  /** Writes what was handed over until now; resolves when that is in the file. Never rejects. */
  flush(): Promise<void>;
  /** Writes what is left and the index. Never rejects; what could not be written is in the log. */
  close(): Promise<void>;
}

/** Begins to record. Throws LbtopError (usage) where the file cannot be had or has something else in it already. */
export function startRecorder({ file, version, state, series, anew, log, disk }: RecorderOptions): Recorder {
  const continues = disk === undefined ? earlier(file) : null;
  const startedAt = instantOf(state);
  const session = packValue([version, startedAt]);
  const writer = traceWriter({ file, disk, session, startedAt, continues, written, failed });
  const frames = keyframes(state, series ?? null, continues ?? undefined);

  let open: Fact[] = [];
  let openTextBytes = 0;
  let openAt = 0;
  let openSince = performance.now();
  let frameAt = Number.NEGATIVE_INFINITY;
  let factsSinceFrame = 0;
  let framesSinceIndex = 0;
  /** All that were handed over are packed, dropped or open. */
  let facts = 0;
  let packed = 0;
  let dropped = 0;
  /** Facts that the next gap will tell of; the instant of the first of them. */
  let missing = 0;
  let missingSince = 0;
  /** What led to facts that were written is not there: the next gap says so, even if no fact is missing. */
  let untold = false;
  /** Facts are left out. `why`: until the next keyframe is written. */
  let dropping = false;
  let why: string | null = null;
  let retry: NodeJS.Timeout | null = null;
  let closed = false;
  /** What the scheduler was told since the last block of it. */
  let told: Input[] = [];
  /** Of the next block: a scheduler begins there with the keyframe before. */
  let start: Seen[] | null = null;

  guarded(() => {
    // Nobody knows what happened since then.
    if (continues !== null) put({ kind: 'gap', flags: 0, at: continues.until, count: 0, events: 0, payload: null });
    begin();
  });
  const timer = setInterval(() => {
    guarded(() => {
      if (open.length > 0 && performance.now() - openSince >= oldestMs) seal();
      if (dropping && retry === null && writer.waitingBytes === 0) resume();
    });
  }, smallBlockMs);
  timer.unref();

  /** A fault in here costs the recording, never the session. */
  function guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const uncounted = facts - packed - dropped - open.length;
      if (uncounted > 0) drop(uncounted, openAt);
      failed(oneLine(error), []);
    }
  }

  /** Writes the state, and goes on from there as whoever begins with it would. */
  function begin(): void {
    writeFrame();
    told = [];
    start = anew === undefined ? null : [...anew()];
  }

  function hear(event: Event, led: readonly Fact[]): void {
    if (dropping || anew === undefined) return;
    const input = inputOf(event, led);
    if (input === null) return;
    // What led to nothing waits for facts, but not for ever. The facts of this one are still to come.
    if (told.length >= blockInputs) seal();
    told.push(input);
  }

  function take(batch: readonly Fact[]): void {
    for (const fact of batch) frames.note(fact);
    facts += batch.length;
    const first = batch[0];
    if (first === undefined) return;
    if (dropping) {
      drop(batch.length, first.at);
      return;
    }
    for (const fact of batch) {
      if (open.length === 0) {
        openAt = fact.at;
        openSince = performance.now();
      }
      open.push(fact);
      if (fact.kind === 'job-submitted') openTextBytes += textBytes(fact);
      if (open.length >= blockFacts || openTextBytes >= blockTextBytes) seal();
    }
    const { at } = batch[batch.length - 1] as Fact;
    if (open.length > 0 && at - openAt >= (open.length >= smallBlockFacts ? smallBlockMs : oldestMs)) seal();
    factsSinceFrame += batch.length;
    const frameAge = at - frameAt;
    if (frameAge >= keyframeAtMostMs || (factsSinceFrame >= keyframeFacts && frameAge >= keyframeAtLeastMs)) {
      seal();
      writeFrame();
    }
  }

  /** Packs what is open. */
  function seal(): void {
    const batch = open;
    open = [];
    openTextBytes = 0;
    if (batch.length > 0) sealFacts(batch);
    if (told.length === 0) return;
    const inputs = told;
    told = [];
    const { at } = inputs[0] as Input;
    const payload = packInputs({ start, inputs });
    start = null;
    put({ kind: 'inputs', flags: 0, at, count: inputs.length, events: 0, payload });
  }

  function sealFacts(batch: Fact[]): void {
    let events = 0;
    const incidents: Sealed['incidents'] = [];
    for (let i = 0; i < batch.length; i++) {
      const fact = batch[i] as Fact;
      if (fact.kind === 'sampled') {
        batch[i] = { ...fact, sample: roundedSample(fact.sample) };
        continue;
      }
      if (!isLasting(fact)) continue;
      events++;
      const kind = incidentOf(fact);
      if (kind !== null) incidents.push({ kind, at: fact.at });
    }
    put({
      kind: 'facts',
      flags: incidents.length > 0 ? incidentFlag : 0,
      at: (batch[0] as Fact).at,
      until: (batch[batch.length - 1] as Fact).at,
      count: batch.length,
      events,
      payload: packFacts(batch),
      incidents,
    });
    packed += batch.length;
  }

  function put(sealed: Sealed): void {
    writer.put(sealed);
    if (writer.waitingBytes <= backlogBytes || dropping || closed) return;
    dropping = true;
    why = 'the disk is too slow';
    log(`recording ${file}: ${why}: facts are left out`);
  }

  function writeFrame(): void {
    const { number, at, payload, pages } = frames.capture();
    frameAt = at;
    factsSinceFrame = 0;
    for (const page of pages)
      put({ kind: 'pages', flags: 0, at, count: page.number, events: 0, payload: page.payload });
    put({ kind: 'keyframe', flags: 0, at, count: number, events: 0, payload });
    if (++framesSinceIndex < keyframesPerIndex) return;
    framesSinceIndex = 0;
    writer.index();
  }

  function drop(count: number, at: number): void {
    if (missing === 0) missingSince = at;
    missing += count;
    dropped += count;
  }

  function written(sealed: Sealed): void {
    if (sealed.kind !== 'keyframe' || why === null || dropping) return;
    why = null;
    log(`recording ${file}: goes on`);
  }

  /** What could not be written is lost with all that waited behind it; the next try comes later. */
  function failed(reason: string, lost: readonly Sealed[]): void {
    // Later keyframes may name pages that are lost.
    if (lost.some(({ kind }) => kind === 'pages')) frames.restart();
    for (const { kind, count, at } of lost) {
      if (kind === 'inputs') untold = true;
      if (kind === 'facts') {
        packed -= count;
        drop(count, at);
      }
      // Counted as dropped already.
      if (kind === 'gap') {
        if (missing === 0) missingSince = at;
        missing += count;
      }
    }
    if (open.length > 0) drop(open.length, openAt);
    open = [];
    told = [];
    if (why === null) log(`recording ${file}: ${reason}: facts are left out, next try in ${retryMs / 1_000} s`);
    why = reason;
    dropping = true;
    if (closed) return;
    if (retry !== null) clearTimeout(retry);
    retry = setTimeout(() => guarded(resume), retryMs);
    retry.unref();
  }

  /** Says what is missing and begins again with a keyframe. */
  function resume(): void {
    retry = null;
    dropping = false;
    // What came before the first fact that was left out.
    seal();
    if (missing > 0 || untold) {
      const count = missing;
      const at = missing > 0 ? missingSince : instantOf(state);
      missing = 0;
      untold = false;
      put({ kind: 'gap', flags: 0, at, count, events: 0, payload: null });
    }
    begin();
  }

  return {
    file,
    record(batch, event) {
      if (closed) return;
      guarded(() => {
        if (event !== undefined) hear(event, batch);
        take(batch);
      });
    },
    status: () => ({
      state: closed ? 'closed' : why === null ? 'recording' : 'stalled',
      why,
      bytes: writer.bytes,
      waitingBytes: writer.waitingBytes,
      facts,
      dropped,
    }),
    async flush() {
      guarded(seal);
      await writer.idle();
    },
    async close() {
      if (closed) return;
      clearInterval(timer);
      if (retry !== null) clearTimeout(retry);
      guarded(seal);
      closed = true;
      if (dropping) {
        await writer.idle();
        guarded(resume);
      }
      writer.index();
      await writer.close();
      if (why !== null) log(`recording ${file}: ends incomplete: ${why}`);
      else log(`recording ${file}: ${writer.bytes} bytes${dropped > 0 ? `, ${dropped} facts are missing` : ''}`);
    },
  };
}

/** Returns how a recording that is there goes on; null where there is none. Throws LbtopError (usage) for another file. */
function earlier(file: string): Continuation | null {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const instead = 'record into another file';
  const pid = writerOf(file);
  if (pid !== null) throw new LbtopError('usage', `${file} is being written by process ${pid}: ${instead}`);
  try {
    return continuationOf(file);
  } catch (error) {
    throw new LbtopError('usage', `${oneLine(error)}: ${instead}, or remove it first`);
  }
}

/** A specification may be of any size: what it adds to a block. */
function textBytes({ spec }: FactOf<'job-submitted'>): number {
  let bytes = spec.stdin?.length ?? 0;
  for (const one of spec.work.argv) bytes += one.length;
  for (const one of Object.values(spec.env)) bytes += one.length;
  return bytes;
}
