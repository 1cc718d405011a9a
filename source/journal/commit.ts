/**
 * Group commit: what is to be made durable gathers while the append before it is being written, so that the batch grows by
 * itself with the load; the store syncs as many of them at once as were written meanwhile.
 */
import { type Fact, isLasting } from '../model/fact.ts';
import { recordBytes } from './batch-bytes.ts';
import { factsPerAppend, packFactBatch } from './fact-batch.ts';
import type { Batch, StoreLimits, StoreRecord, Term } from './store.ts';
import { isFault, StoreError } from './store-error.ts';

/** A commit under way. */
export interface Commit {
  /** It survives the end of this process, though perhaps not a crash of the machine. Rejects as `durable`. */
  readonly written: Promise<void>;
  /** It survives what the store's limits say. */
  readonly durable: Promise<void>;
}

export interface Commits {
  /**
   * Takes facts and records; resolves when they, and all that was taken before, are durable. Records come before the
   * facts of the same moment (a result before the end that it belongs to), what is forgotten after them. Facts that only
   * matter live (heartbeats) are left out. Rejects as `Term.append`, but never with `full`: then it waits for room.
   */
  commit(facts: readonly Fact[], records?: readonly StoreRecord[]): Promise<void>;
  /**
   * As `commit`, which is its `durable`; `written` comes before, in the same order. `patient`: nobody waits for it, so that it
   * may gather for 5 ms since the last append began, or until somebody does.
   */
  begin(facts: readonly Fact[], records?: readonly StoreRecord[], patient?: boolean): Commit;
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
/**
 * An append costs as much as packing a hundred facts, for waking a thread, being woken by it twice, and its sync. Work that
 * is noted elsewhere goes on meanwhile.
 */
const gatherMs = 5;

interface Group {
  facts: Fact[];
  records: StoreRecord[];
  forgets: StoreRecord[];
  written: PromiseWithResolvers<void>;
  /** With the number of its last batch. */
  durable: PromiseWithResolvers<number>;
}

function emptyGroup(): Group {
  const written = Promise.withResolvers<void>();
  const durable = Promise.withResolvers<number>();
  // Told to those who wait, and to those who come later.
  for (const { promise } of [written, durable]) (promise as Promise<unknown>).catch(() => {});
  return { facts: [], records: [], forgets: [], written, durable };
}

/** Returns the way to commit in this term: the first append is `head + 1`. */
export function groupCommit({ term, limits, onHeld }: CommitOptions): Commits {
  let head = term.head;
  /** The last batch that was written. */
  let written = head;
  let held: string | null = null;
  let failed: unknown = null;
  let closing = false;
  /** The one that gathers is the last; those before it are closed. */
  let groups: Group[] = [];
  /** Of the last group of all. */
  let last: Group = emptyGroup();
  last.written.resolve();
  last.durable.resolve(head);
  let running = false;
  /** When the last append began; of performance.now(). */
  let begunAt = Number.NEGATIVE_INFINITY;
  /** Whether somebody waits for what gathers; ends the rest before its append. */
  let hurried = false;
  let hurry: () => void = () => {};
  /** What was written, in order, until it is durable. */
  let syncing: Promise<void> = Promise.resolve();

  function hurryUp(): void {
    hurried = true;
    hurry();
  }

  function openGroup(): Group {
    last = emptyGroup();
    groups.push(last);
    return last;
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
    while (groups.length > 0) {
      await rest();
      const group = groups.shift();
      if (group === undefined) break; // it has failed meanwhile
      begunAt = performance.now();
      hurried = groups.length > 0;
      try {
        for (const batch of batchesOf(group, limits)) await write(batch);
      } catch (error) {
        fail(error, group);
        break;
      }
      if (failed === null) settle(group);
    }
    running = false;
  }

  /** Lets the group that gathers grow, unless somebody waits for it or it is closed already. */
  async function rest(): Promise<void> {
    const restMs = begunAt + gatherMs - performance.now();
    if (hurried || restMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, restMs);
    hurry = resolve;
    await promise;
    clearTimeout(timer);
  }

  function settle(group: Group): void {
    const upTo = written;
    group.written.resolve();
    syncing.then(
      () => group.durable.resolve(upTo),
      (error) => fail(error, group),
    );
  }

  function fail(error: unknown, group: Group): void {
    failed ??= error;
    for (const one of [group, ...groups]) {
      one.written.reject(failed);
      one.durable.reject(failed);
    }
    groups = [];
  }

  /** Returns when the batch is written; `syncing` tells when it is durable. */
  async function write(batch: Batch): Promise<void> {
    for (;;) {
      if (failed !== null) throw failed;
      const seq = written + 1;
      const wrote = Promise.withResolvers<void>();
      const durable = term.append(seq, batch, wrote.resolve);
      try {
        await Promise.race([wrote.promise, durable]);
      } catch (error) {
        if (!isFault(error, 'full') || closing) throw error;
        hold(error.message);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        continue;
      }
      written = seq;
      const before = syncing;
      syncing = durable.then(async () => {
        await before;
        head = seq;
      });
      syncing.catch((error) => {
        failed ??= error;
      });
      hold(null);
      return;
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

  function begin(facts: readonly Fact[], records: readonly StoreRecord[] = [], patient = false): Commit {
    const refused = refusal();
    if (refused !== null) return refusing(refused);
    if (!patient) hurryUp();
    const lasting = facts.every(isLasting) ? facts : facts.filter(isLasting);
    // What needs no place keeps its order all the same.
    const group = lasting.length === 0 && records.length === 0 ? last : gathering();
    for (const fact of lasting) group.facts.push(fact);
    for (const record of records) (record.kind === 'forget' ? group.forgets : group.records).push(record);
    return { written: group.written.promise, durable: group.durable.promise as Promise<unknown> as Promise<void> };
  }

  return {
    get head() {
      return head;
    },
    get held() {
      return held;
    },
    commit: (facts, records) => begin(facts, records).durable,
    begin,
    async mark() {
      const refused = refusal();
      if (refused !== null) throw refused;
      const marked = last;
      hurryUp();
      if (groups.length > 0) openGroup();
      return marked.durable.promise;
    },
    async close() {
      closing = true;
      hurryUp();
      await last.durable.promise;
      if (failed !== null) throw failed;
    },
  };
}

function refusing(error: unknown): Commit {
  const written = Promise.reject(error);
  written.catch(() => {}); // not everybody waits for both
  return { written, durable: Promise.reject(error) };
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
