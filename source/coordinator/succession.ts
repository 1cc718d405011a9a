/** How the lead passes on in an engine: to whoever starts when nobody leads, or to one that stands by. */
import type { Leader, Store, Term, Writer } from '../journal/store.ts';
import { StoreError } from '../journal/store-error.ts';
import { LbtopError } from '../model/errors.ts';

/** Opens something that ends when the leader's process does; `over` says whether it said goodbye. */
export type Touch = (leader: Leader, over: (orderly: boolean) => void, signal: AbortSignal) => Promise<void>;

export interface SuccessionOptions {
  store: Store;
  me: Writer;
  touch: Touch;
  log(line: string): void;
  signal: AbortSignal;
}

/** Longer than the lease of one that is gone already. */
const vacantMs = 4_000;
const touchAgainMs = 250;

/**
 * Begins a term where nobody leads, or the one who did is gone. Rejects with StoreError `locked` where somebody leads,
 * LbtopError `unreachable` where the engine takes nothing.
 */
export async function beginTerm(store: Store, me: Writer): Promise<Term> {
  let address: string | null = null;
  using _watching = store.leader((now) => {
    address = now?.address ?? null;
  });
  const late = AbortSignal.timeout(vacantMs);
  try {
    return await store.campaign(me, late);
  } catch (error) {
    if (!late.aborted) throw error;
    if (address === null)
      throw new LbtopError('unreachable', 'the engine takes nothing: more than half of its members have to be there');
    throw new StoreError(
      'locked',
      `a coordinator leads already, at ${address}: --standby waits to take over from it, --connect ${address} reaches it`,
    );
  }
}

/**
 * Waits to take over: at once when the leader's connection breaks without goodbye, else when its lease has run out.
 * Resolves with the term. Rejects with the signal's reason.
 */
export function standBy({ store, me, touch, log, signal }: SuccessionOptions): Promise<Term> {
  const done = Promise.withResolvers<Term>();
  const ending = new AbortController();
  const all = AbortSignal.any([signal, ending.signal]);
  /** Of the leader that is now. */
  let touching = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let complaint = '';

  function finish(settle: () => void): void {
    if (ending.signal.aborted) return;
    ending.abort();
    touching.abort();
    clearTimeout(timer);
    watching[Symbol.dispose]();
    settle();
  }

  function began(term: Term | null): void {
    if (term === null) return; // somebody else was quicker: we are told who
    if (ending.signal.aborted) void term.resign();
    else finish(() => done.resolve(term));
  }

  function hold(leader: Leader): void {
    touching.abort();
    clearTimeout(timer);
    const mine = new AbortController();
    touching = mine;
    const over = (orderly: boolean): void => {
      if (mine.signal.aborted || orderly) return;
      log(`the leader at ${leader.address} is gone: taking over`);
      store.seize(leader, me).then(began, () => {}); // it has not worked: its lease tells
    };
    touch(leader, over, AbortSignal.any([mine.signal, all])).then(
      () => log(`stands by: ${leader.address} leads`),
      (error) => {
        if (mine.signal.aborted) return;
        // It may not listen yet.
        if (error instanceof LbtopError && error.code === 'refused' && error.message !== complaint) {
          complaint = error.message;
          log(`stands by, but only its lease will tell when ${leader.address} is gone: ${complaint}`);
        }
        timer = setTimeout(() => hold(leader), touchAgainMs);
      },
    );
  }

  const watching = store.leader((leader) => {
    if (ending.signal.aborted || leader?.id === me.id) return;
    if (leader === null) {
      touching.abort();
      clearTimeout(timer);
    } else hold(leader);
  });
  signal.addEventListener('abort', () => finish(() => done.reject(signal.reason)));
  if (signal.aborted) finish(() => done.reject(signal.reason));
  store.campaign(me, all).then(began, (error) => {
    if (!all.aborted) finish(() => done.reject(error));
  });
  return done.promise;
}
