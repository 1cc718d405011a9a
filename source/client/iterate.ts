/** Streams as async iterables. */
import type { VerbArgs, VerbGives, VerbName } from '../wire/verbs.ts';
import type { Client } from './client.ts';

/**
 * Returns the items of a stream, asked for when somebody begins to iterate; no more than a few are under way ahead of
 * the loop that takes them, and leaving the loop ends the stream. Throws what `Client.stream` throws.
 */
export async function* iterate<V extends VerbName>(
  client: Client,
  verb: V,
  args: VerbArgs<V>,
  signal?: AbortSignal,
): AsyncGenerator<VerbGives<V>, void, void> {
  const leaving = new AbortController();
  const ends = signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal]);
  const items: VerbGives<V>[] = [];
  const end: { error: unknown }[] = [];
  let wake = (): void => {};
  let taken = (): void => {};
  const finish = (error: unknown): void => {
    end.push({ error });
    wake();
  };
  client
    .stream(
      verb,
      args,
      (item) =>
        new Promise<void>((resolve) => {
          items.push(item);
          taken = resolve;
          wake();
        }),
      ends,
    )
    .then(() => finish(null), finish);
  ends.addEventListener('abort', () => taken());
  try {
    while (items.length > 0 || end.length === 0) {
      const item = items.shift();
      if (item === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      yield item;
      taken();
    }
  } finally {
    leaving.abort();
  }
  signal?.throwIfAborted();
  const [first] = end;
  if (first !== undefined && first.error !== null) throw first.error;
}
