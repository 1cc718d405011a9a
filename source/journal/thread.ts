/** A thread of the local store, seen from the other side. */
import { Worker } from 'node:worker_threads';
import { oneLine } from '../model/errors.ts';
import { type Answer, type Notice, type Request, rebuilt, type ThreadData } from './local-calls.ts';
import { StoreError } from './store-error.ts';

type AnyCall = (...args: never[]) => unknown;

/** A thread that answers the calls of `C`. */
export interface Thread<C extends { [K in keyof C]: AnyCall }> {
  /** What it said when it had opened the journal. */
  readonly opened: unknown;
  /** Asks; array buffers among the arguments go over to the thread. Rejects with what was thrown there. */
  call<K extends keyof C & string>(name: K, ...args: Parameters<C[K]>): Promise<ReturnType<C[K]>>;
  /** As `call`, of what the thread makes durable after it has answered: `durable` resolves then. */
  callDurably<K extends keyof C & string>(
    name: K,
    ...args: Parameters<C[K]>
  ): { answer: Promise<ReturnType<C[K]>>; durable: Promise<void> };
  /** Asks for its end, after what was asked before. */
  close(): Promise<void>;
}

/** Runs from source and from what was built from it. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** Starts a thread; resolves when it has opened the journal, rejects with why it could not. */
export async function startThread<C extends { [K in keyof C]: AnyCall } & { close(): void }>(
  data: ThreadData,
  onFull: (reason: string | null) => void = () => {},
): Promise<Thread<C>> {
  const worker = new Worker(new URL(`./local-worker.${extension}`, import.meta.url), {
    workerData: data,
    name: `lbtop journal ${data.role}`,
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const ended = Promise.withResolvers<void>();
  let lastId = -1;
  let gone: Error | null = null;
  /** Requests that were answered and are not durable yet, in order. */
  let unsynced: { id: number; done: PromiseWithResolvers<void> }[] = [];
  /** All up to this request is durable. */
  let synced = -1;
  let unsyncable: Error | null = null;

  function take(notice: Notice): void {
    if ('full' in notice) onFull(notice.full);
    else if ('synced' in notice) {
      ({ synced } = notice);
      while (unsynced[0] !== undefined && unsynced[0].id <= synced) unsynced.shift()?.done.resolve();
    } else {
      unsyncable = rebuilt(notice.syncFailed);
      giveUp(unsyncable);
    }
  }

  function giveUp(error: Error): void {
    for (const { done } of unsynced) done.reject(error);
    unsynced = [];
  }

  function wait(): [id: number, answer: Promise<unknown>] {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(++lastId, answer);
    return [lastId, answer.promise];
  }

  worker.on('message', (message: Answer | Notice) => {
    if (!Array.isArray(message)) return take(message as Notice);
    const [id, ok, value] = message;
    const answer = waiting.get(id);
    waiting.delete(id);
    if (ok) answer?.resolve(value);
    else answer?.reject(rebuilt(value));
  });
  worker.on('error', (error) => {
    gone = new StoreError('broken', `the journal's thread failed (${oneLine(error)}): start again`);
  });
  worker.on('exit', () => {
    gone ??= new StoreError('broken', 'the journal is closed');
    for (const answer of waiting.values()) answer.reject(gone);
    waiting.clear();
    giveUp(gone);
    ended.resolve();
  });

  const [, opening] = wait();
  const opened = await opening;
  const call: Thread<C>['call'] = (name, ...args) => {
    if (gone !== null) return Promise.reject(gone);
    const [id, answer] = wait();
    const buffers = (args as unknown[]).filter((one) => one instanceof ArrayBuffer);
    worker.postMessage([id, name, ...args] satisfies Request, buffers);
    return answer as Promise<ReturnType<C[typeof name]>>;
  };
  async function durably<T>(id: number, answer: Promise<T>): Promise<void> {
    await answer;
    if (unsyncable !== null) throw unsyncable;
    if (synced >= id) return;
    const done = Promise.withResolvers<void>();
    unsynced.push({ id, done });
    return done.promise;
  }

  return {
    opened,
    call,
    callDurably(name, ...args) {
      const answer = call(name, ...args);
      return { answer, durable: durably(lastId, answer) };
    },
    async close() {
      if (gone !== null) return;
      const [id, answer] = wait();
      worker.postMessage([id, 'close'] satisfies Request);
      await answer;
      await ended.promise;
    },
  };
}
