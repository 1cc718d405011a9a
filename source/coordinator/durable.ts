/** A coordinator's durable side: opens the store, reads the state back, commits, and keeps snapshots of the state. */
import { hostname } from 'node:os';
import { packSnapshot } from '../feed/stored-snapshot.ts';
import { readState } from '../feed/stored-state.ts';
import { type Commit, type Commits, groupCommit } from '../journal/commit.ts';
import { type IntentLog, openIntentLog, readIntents } from '../journal/intent-log.ts';
import { type Lineage, openLineage } from '../journal/lineage.ts';
import { openLocalStore } from '../journal/local.ts';
import type { RecoveryProgress } from '../journal/recover.ts';
import type { Store, Term, Writer } from '../journal/store.ts';
import { damage } from '../journal/store-error.ts';
import { LbtopError, oneLine } from '../model/errors.ts';
import type { Fact } from '../model/fact.ts';
import { apply } from '../scheduler/apply.ts';
import type { State } from '../scheduler/state.ts';
import { letOut } from './let-out.ts';
import { type Room, roomIn } from './room.ts';
import { snapshotAside } from './snapshot-aside.ts';
import type { JournalPlace } from './snapshot-worker.ts';

export interface Durable {
  readonly store: Store;
  /** As the store had it; the scheduler goes on from it. */
  readonly state: State;
  readonly commits: Commits;
  /** As `Commits.begin`, counted for the next snapshot. */
  commit(facts: readonly Fact[], patient?: boolean): Commit;
  /** What leaves before its commit is written is noted there; null: it waits for that. */
  readonly intents: IntentLog | null;
  readonly room: Room;
  /** That of the term. */
  readonly epoch: number;
  /** Tells whether the data are an older copy; null: nobody does. */
  readonly lineage: Lineage | null;
  /** Aborted when another coordinator took over, with a StoreError; not by `close`. */
  readonly lost: AbortSignal;
  /** Makes durable what was committed, saves a snapshot and ends the term. To be called outside a turn of the loop. */
  close(): Promise<void>;
}

export interface DurableOptions {
  directory: string;
  /** Goes on with an older copy of the data. */
  forceOlderData?: boolean | undefined;
  /** Where the coordinator is to listen, for whoever looks into the directory. */
  address: string;
  /** A snapshot is made after so many facts; for tests. */
  snapshotFacts?: number;
  /** Is told how much of the journal has been read back, 0 to 1. */
  recovering?: ((share: number) => void) | undefined;
  log(line: string): void;
}

/** As `readBack`, where `head` is the last batch that there is. */
export async function readUpTo(
  store: Store,
  head: number,
  log: (line: string) => void,
  recovering?: (share: number) => void,
): Promise<State> {
  const { state, seq } = await readBack(store, log, recovering && { head, show: recovering });
  if (seq === head) return state;
  throw damage(`it ends there, and its last batch is ${head}`, { table: 'batches', sequence: seq });
}

/** Returns this process as others see who writes. */
export function writerAt(address: string): Writer {
  return { id: `${hostname()} ${process.pid}`, address };
}

/** A coordinator whose term has begun and whose state is read back up to its head. */
export interface Sitting {
  store: Store;
  term: Term;
  state: State;
  /** Where snapshots read the journal. */
  journal: JournalPlace;
  /** Ours to close; null, or absent: nothing leaves before it is written. */
  intents?: IntentLog | null;
  lineage?: Lineage | null;
  snapshotFacts?: number | undefined;
  log(line: string): void;
}

const factsPerSnapshot = 1_000_000;
const megabyte = 1024 * 1024;
/** On a small disk sooner: history that a snapshot stands for gives its room back. */
const snapshotBytes = (roomBytes: number) => Math.min(256 * megabyte, Math.max(8 * megabyte, roomBytes / 4));
const lookEveryMs = 1_000;

/**
 * Opens the directory. Throws LbtopError where another process has it, it is damaged, a newer version wrote it, or its
 * journal is older than the files beside it.
 */
export async function openDurable(options: DurableOptions): Promise<Durable> {
  const { directory, address, log } = options;
  const store = await openLocalStore({ directory });
  try {
    const term = await store.campaign(writerAt(address));
    const lineage = lineageOf(options, term);
    const progress = options.recovering && { head: term.head, show: options.recovering };
    const { state } = await readBack(store, log, progress);
    const ahead = letOut(state, readIntents(directory, state.epoch));
    for (const fact of ahead) apply(state, fact);
    const durable = newDurable({
      ...options,
      store,
      term,
      state,
      journal: { directory },
      intents: openIntentLog(directory),
      lineage,
    });
    durable.commit(ahead).durable.catch(() => {}); // whatever is committed next fails with it
    return durable;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Null where it cannot be noted: a full disk is no reason not to start. */
function lineageOf({ directory, forceOlderData = false, log }: DurableOptions, { epoch, head }: Term): Lineage | null {
  if (forceOlderData) log('goes on with these data even if they are an older copy (--force-older-data)');
  try {
    return openLineage({ directory, epoch, head, force: forceOlderData });
  } catch (error) {
    if (error instanceof LbtopError) throw error;
    log(`an older copy of these data will not be told from them: ${oneLine(error)}`);
    return null;
  }
}

/** Returns the state that the journal leads to, and its last batch. Rejects as `recover`. */
export async function readBack(
  store: Store,
  log: (line: string) => void,
  progress?: RecoveryProgress,
): Promise<{ state: State; seq: number }> {
  const begun = performance.now();
  const { state, recovered } = await readState(store, {}, progress);
  const { seq, facts, missing } = recovered;
  if (missing > 0)
    log(
      `the journal has lost its last ${missing === 1 ? 'batch' : `${missing} batches`}: its file was cut, ` +
        'and what was acknowledged in there is gone',
    );
  if (seq > 0) {
    const took = Math.round(performance.now() - begun);
    log(`recovered ${state.jobs.size} jobs and ${state.nodes.size} nodes in ${took} ms (${facts} facts)`);
  }
  return { state, seq };
}

/** Returns its durable side. */
export function newDurable(sitting: Sitting): Durable {
  const {
    store,
    term,
    state,
    journal,
    intents = null,
    lineage = null,
    snapshotFacts = factsPerSnapshot,
    log,
  } = sitting;
  const commits = groupCommit({
    term,
    limits: store.limits,
    onHeld: (reason) => log(reason === null ? 'the journal has room again' : `the journal waits for room: ${reason}`),
  });
  const room = roomIn(store, commits);
  const watching = store.onFull((reason) =>
    log(reason === null ? 'jobs are taken again' : `no jobs are taken: ${reason}`),
  );
  let factsSince = 0;
  let bytesThen = store.bytes();
  let saving: Promise<void> | null = null;
  let closing = false;
  const lost = new AbortController();
  term.lost.addEventListener('abort', () => {
    if (!closing) lost.abort(term.lost.reason);
  });

  async function saveAside(): Promise<void> {
    factsSince = 0;
    const { seq, chunks } = await snapshotAside({ journal, chunkBytes: store.limits.chunkBytes });
    await term.saveSnapshot(seq, chunks);
    bytesThen = store.bytes();
  }

  /**
   * At the end, where nobody waits for the loop any more. State and mark are taken in the same moment: the one is what the
   * batches up to the other lead to.
   */
  async function saveNow(): Promise<void> {
    const at = commits.mark();
    at.catch(() => {}); // awaited below, unless taking the snapshot throws
    const chunks = [...packSnapshot(state, store.limits.chunkBytes)];
    await term.saveSnapshot(await at, chunks);
  }

  /** Without a new snapshot recovery takes longer, and nothing is lost. */
  async function trySave(save: () => Promise<void>): Promise<void> {
    try {
      await save();
    } catch (error) {
      log(`no snapshot of the state: ${oneLine(error)}`);
    }
  }

  const timer = setInterval(() => {
    if (saving !== null || room.full() !== null) return;
    if (factsSince < snapshotFacts && store.bytes() - bytesThen < snapshotBytes(store.roomBytes())) return;
    saving = trySave(saveAside).finally(() => {
      saving = null;
    });
  }, lookEveryMs);

  return {
    store,
    state,
    commits,
    commit(facts, patient) {
      factsSince += facts.length;
      return commits.begin(facts, [], patient);
    },
    intents: intents && {
      ...intents,
      // Where the disk is full nothing more is begun.
      note: (epoch, leaving) => commits.held === null && intents.note(epoch, leaving),
    },
    room,
    epoch: term.epoch,
    lineage,
    lost: lost.signal,
    async close() {
      closing = true;
      clearInterval(timer);
      watching[Symbol.dispose]();
      await saving;
      const saved = room.full() === null ? trySave(saveNow) : null;
      // What waits for room is given up by this: it was acknowledged to nobody.
      await commits.close().then(
        () => intents?.close(),
        (error) => log(`the journal: ${oneLine(error)}`),
      );
      await saved;
      await term.resign();
      await store.close();
    },
  };
}
