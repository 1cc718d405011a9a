/** Takes the items of a stream one after another, however long each takes. */
import type { Streaming } from './client.ts';

/** Items taken since the sender was last told; it keeps at most 64 under way. */
const creditItems = 16;

type Open<T> = (onItem: (item: T) => void, onEnd: (error: unknown) => void) => Streaming;

/**
 * Opens a stream and awaits `onItem` for each item; the sender is told now and then, and whenever none is left, how many
 * were taken. Resolves when the stream is done or `signal` ended it; throws what ended it, or what `onItem` throws.
 */
export async function takeOneByOne<T>(
  open: Open<T>,
  onItem: (item: T) => void | Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return;
  const queue: T[] = [];
  const end: { error: unknown }[] = [];
  let wake = (): void => {};
  const finish = (error: unknown): void => {
    end.push({ error });
    wake();
  };
  const stream = open((item) => {
    queue.push(owned(item));
    wake();
  }, finish);
  const aborted = (): void => {
    stream.close();
    queue.length = 0;
    finish(null);
  };
  signal?.addEventListener('abort', aborted);

  let taken = 0;
  let told = 0;
  const tell = (): void => {
    if (taken > told && end.length === 0) stream.taken(taken);
    told = taken;
  };
  try {
    while (queue.length > 0 || end.length === 0) {
      const item = queue.shift();
      if (item === undefined) {
        tell();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      await onItem(item);
      taken += 1;
      if (taken - told >= creditItems) tell();
    }
  } finally {
    signal?.removeEventListener('abort', aborted);
    stream.close();
  }
  const [first] = end;
  if (first !== undefined && first.error !== null) throw first.error;
}

/** Binary parts are views of the connection's buffer: what waits needs its own. */
function owned<T>(item: T): T {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  const fields = item as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields))
    if (value instanceof Uint8Array) fields[name] = Uint8Array.from(value);
  return item;
}
