/**
 * Group commit: what is to be made durable gathers while the append before it is under way, so that the batch grows by
 * itself with the load and one sync pays for all of it.
 */
import { type Fact, isLasting } from '../model/fact.ts';
import { recordBytes } from './batch-bytes.ts';
import { factsPerAppend, packFactBatch } from './fact-batch.ts';
import type { Batch, StoreLimits, StoreRecord, Term } from './store.ts';
import { isFault, StoreError } from './store-error.ts';

export interface Commits {
  /**
   * Takes facts and records; resolves when they, and all that was taken before, are durable. Records come before the
   * facts of the same moment (a result before the end that it belongs to), what is forgotten after them. Facts that only
   * matter live (heartbeats) are left out. Rejects as `Term.append`, but never with `full`: then it waits for room.
   */
  commit(facts: readonly Fact[], records?: readonly StoreRecord[]): Promise<void>;
  /**
   * Ends the batch that is gathering. Resolves with its number when it is durable: whoever looks at the state in the same
   * moment as it calls this sees what the batches up to that number lead to.
   */
  mark(): Promise<number>;
  /** The last durable batch. */
  readonly head: number;
  /** Why commits wait, in one line, or null: the store has no room. */
  readonly held: string | null;
  /** What is taken is made durable first; rejects where that fails, or has no room. Then takes nothing more. */
  close(): Promise<void>;
}

export interface CommitOptions {
  term: Term;
  limits: StoreLimits;
  /** `held` has changed. */
  onHeld?(reason: string | null): void;
}

/** Between two tries where the store has no room. */
const retryMs = 250;

interface Group {
  facts: Fact[];
  records: StoreRecord[];
  forgets: StoreRecord[];
  done: PromiseWithResolvers<number>;
}

function emptyGroup(): Group {
  const group: Group = { facts: [], records: [], forgets: [], done: Promise.withResolvers() };
  group.done.promise.catch(() => {}); // told to those who wait, and to those who come later
  return group;
}

/** Returns the way to commit in this term: the first append is `head + 1`. */
export function groupCommit({ term, limits, onHeld }: CommitOptions): Commits {
  let head = term.head;
  let held: string | null = null;
  let failed: unknown = null;
  let closing = false;
  /** The one that gathers is the last; those before it are closed. */
  let groups: Group[] = [];
  let last: Promise<number> = Promise.resolve(head);
  let running = false;

  function openGroup(): Group {
    const group = emptyGroup();
    groups.push(group);
    last = group.done.promise;
    return group;
  }

  function gathering(): Group {
    const open = groups.at(-1);
    if (open !== undefined) return open;
    const group = openGroup();
    // After this turn's other commits have joined.
    if (!running) queueMicrotask(run);
    return group;
  }

  async function run(): Promise<void> {
    if (running || failed !== null) return;
    running = true;
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      try {
        for (const batch of batchesOf(group, limits)) await append(batch);
        group.done.resolve(head);
      } catch (error) {
        failed = error;
        for (const one of [group, ...groups]) one.done.reject(error);
        groups = [];
      }
    }
    running = false;
  }

  async function append(batch: Batch): Promise<void> {
    for (;;) {
      try {
        await term.append(head + 1, batch);
        head += 1;
        hold(null);
        return;
      } catch (error) {
        if (!isFault(error, 'full') || closing) throw error;
        hold(error.message);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  function hold(reason: string | null): void {
    if (held === reason) return;
    held = reason;
    onHeld?.(reason);
  }

  function refusal(): unknown {
    return failed ?? (closing ? new StoreError('broken', 'the journal is closed') : null);
  }

  return {
    get head() {
      return head;
    },
    get held() {
      return held;
    },
    commit(facts, records = []) {
      const refused = refusal();
      if (refused !== null) return Promise.reject(refused);
      const lasting = facts.every(isLasting) ? facts : facts.filter(isLasting);
      if (lasting.length === 0 && records.length === 0) return last.then(() => {});
      const group = gathering();
      for (const fact of lasting) group.facts.push(fact);
      for (const record of records) (record.kind === 'forget' ? group.forgets : group.records).push(record);
      return group.done.promise as Promise<unknown> as Promise<void>;
    },
    async mark() {
      const refused = refusal();
      if (refused !== null) throw refused;
      const open = groups.at(-1);
      if (open === undefined) return last;
      openGroup();
      return open.done.promise;
    },
    async close() {
      closing = true;
      await last;
      if (failed !== null) throw failed;
    },
  };
}

/** Room for what a batch has beside its facts and records. */
const slackBytes = 1_024;
const nothing = new Uint8Array(0);

interface OpenBatch {
  facts: Uint8Array;
  records: StoreRecord[];
  bytes: number;
}

const openBatch = (): OpenBatch => ({ facts: nothing, records: [], bytes: slackBytes });

/** Cuts a group into batches that the store takes, in order; for nearly all groups that is one. */
function* batchesOf({ facts, records, forgets }: Group, { batchBytes }: StoreLimits): Generator<Batch> {
  let open = openBatch();
  for (const record of records) {
    const size = recordBytes(record);
    if (open.bytes + size > batchBytes && open.records.length > 0) {
      yield open;
      open = openBatch();
    }
    open.records.push(record);
    open.bytes += size;
  }
  for (const bytes of packedFacts(facts, batchBytes - slackBytes)) {
    const begun = open.facts.length > 0 || open.records.length > 0;
    if (begun && (open.facts.length > 0 || open.bytes + bytes.length > batchBytes)) {
      yield open;
      open = openBatch();
    }
    open.facts = bytes;
    open.bytes += bytes.length;
  }
  for (const record of forgets) {
    if (open.bytes + recordBytes(record) > batchBytes) {
      yield open;
      open = openBatch();
    }
    open.records.push(record);
    open.bytes += recordBytes(record);
  }
  if (open.facts.length > 0 || open.records.length > 0) yield open;
}

/** A single fact that is too large goes as it is: the store says so. */
function* packedFacts(facts: readonly Fact[], roomBytes: number): Generator<Uint8Array> {
  if (facts.length === 0) return;
  if (facts.length <= factsPerAppend) {
    const bytes = packFactBatch(facts);
    if (bytes.length <= roomBytes || facts.length === 1) return yield bytes;
  }
  const half = Math.ceil(facts.length / 2);
  yield* packedFacts(facts.slice(0, half), roomBytes);
  yield* packedFacts(facts.slice(half), roomBytes);
}
