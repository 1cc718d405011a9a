/** A coordinator's durable side: opens the store, reads the state back, commits, and keeps snapshots of the state. */
import { hostname } from 'node:os';
import { type Commit, type Commits, groupCommit } from '../journal/commit.ts';
import { openLocalStore } from '../journal/local.ts';
import { recover } from '../journal/recover.ts';
import type { Store, Term } from '../journal/store.ts';
import { StoreError } from '../journal/store-error.ts';
import { packValues, unpackValues } from '../journal/value-stream.ts';
import { LbtopError, oneLine } from '../model/errors.ts';
import type { Fact } from '../model/fact.ts';
import { apply } from '../scheduler/apply.ts';
import { restoreSnapshot, takeSnapshot } from '../scheduler/snapshot.ts';
import { emptyState, type State } from '../scheduler/state.ts';

export interface Durable {
  readonly store: Store;
  /** As the store had it; the scheduler goes on from it. */
  readonly state: State;
  readonly commits: Commits;
  /** As `Commits.begin`, counted for the next snapshot. */
  commit(facts: readonly Fact[]): Commit;
  /** Why nothing new should be taken, in one line, or null. */
  full(): string | null;
  /** Makes durable what was committed, saves a snapshot and ends the term. To be called outside a turn of the loop. */
  close(): Promise<void>;
}

export interface DurableOptions {
  directory: string;
  /** Where the coordinator is to listen, for whoever looks into the directory. */
  address: string;
  log(line: string): void;
}

const snapshotFacts = 1_000_000;
const snapshotBytes = 256 * 1024 * 1024;
const lookEveryMs = 1_000;

/** Opens the directory. Throws LbtopError where another process has it, it is damaged, or a newer version wrote it. */
export async function openDurable({ directory, address, log }: DurableOptions): Promise<Durable> {
  const store = await openLocalStore({ directory });
  try {
    const term = await store.campaign({ id: `${hostname()} ${process.pid}`, address });
    const state = await readBack(store, log);
    return newDurable(store, term, state, log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function readBack(store: Store, log: (line: string) => void): Promise<State> {
  const begun = performance.now();
  let state = emptyState();
  const { seq, facts, missing } = await recover(store, {
    async snapshot(chunks) {
      state = await readSnapshot(chunks);
    },
    facts(facts) {
      for (const fact of facts) apply(state, fact);
    },
  });
  if (missing > 0)
    log(`the journal has lost its last ${missing} batches: what was acknowledged in them is gone, its file was cut`);
  if (seq > 0) {
    const took = Math.round(performance.now() - begun);
    log(`recovered ${state.jobs.size} jobs and ${state.nodes.size} nodes in ${took} ms (${facts} facts)`);
  }
  return state;
}

async function readSnapshot(chunks: AsyncIterable<Uint8Array>): Promise<State> {
  const records: unknown[] = [];
  try {
    for await (const record of unpackValues(chunks)) records.push(record);
    return restoreSnapshot(records);
  } catch (error) {
    if (error instanceof LbtopError) throw error;
    // Its bytes are what was written: the store has checked them.
    throw new StoreError(
      'version',
      `the journal's snapshot cannot be read by this version of lbtop: ${oneLine(error)}`,
    );
  }
}

function newDurable(store: Store, term: Term, state: State, log: (line: string) => void): Durable {
  const commits = groupCommit({
    term,
    limits: store.limits,
    onHeld: (reason) => log(reason === null ? 'the journal has room again' : `the journal waits for room: ${reason}`),
  });
  const watching = store.onFull((reason) =>
    log(reason === null ? 'jobs are taken again' : `no jobs are taken: ${reason}`),
  );
  let factsSince = 0;
  let bytesThen = store.bytes();
  let saving: Promise<void> | null = null;

  /** State and mark are taken in the same moment: the one is what the batches up to the other lead to. */
  async function save(): Promise<void> {
    factsSince = 0;
    const at = commits.mark();
    at.catch(() => {}); // awaited below, unless taking the snapshot throws
    const records = takeSnapshot(state);
    await term.saveSnapshot(await at, packValues(records, store.limits.chunkBytes));
    bytesThen = store.bytes();
  }

  /** Without a new snapshot recovery takes longer, and nothing is lost. */
  function trySave(): Promise<void> {
    saving ??= save()
      .catch((error) => log(`no snapshot of the state: ${oneLine(error)}`))
      .finally(() => {
        saving = null;
      });
    return saving;
  }

  const timer = setInterval(() => {
    if (commits.held !== null || store.full !== null) return;
    if (factsSince >= snapshotFacts || store.bytes() - bytesThen >= snapshotBytes) void trySave();
  }, lookEveryMs);

  return {
    store,
    state,
    commits,
    commit(facts) {
      factsSince += facts.length;
      return commits.begin(facts);
    },
    full: () => store.full ?? commits.held,
    async close() {
      clearInterval(timer);
      watching[Symbol.dispose]();
      const saved = commits.held === null && store.full === null ? trySave() : null;
      // What waits for room is given up by this: it was acknowledged to nobody.
      await commits.close().catch((error) => log(`the journal: ${oneLine(error)}`));
      await saved;
      await term.resign();
      await store.close();
    },
  };
}
