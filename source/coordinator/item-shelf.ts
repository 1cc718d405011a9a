/** The items of all jobs that may still need them: in memory, and in the store where there is one. */
import type { Commits } from '../journal/commit.ts';
import type { Store, StoreLimits } from '../journal/store.ts';
import { packValues, unpackValues } from '../journal/value-stream.ts';
import { type Items, packItems, type StoredItems, storedItems } from './items.ts';

export interface ItemShelf {
  get(job: number): Items | undefined;
  /** Packs the items at once. The function that it returns keeps them for a job: durable before what is committed next. */
  pack(parts: readonly (readonly string[])[]): (job: number) => void;
  /** Has them in memory again, where they are in the store and were not needed since the start. */
  restore(job: number): Promise<void>;
  delete(job: number): void;
}

/** Of one record in the store. */
function partBytesOf({ batchBytes }: StoreLimits): number {
  return Math.min(4 * 1024 * 1024, batchBytes / 2);
}

/** Returns an empty shelf; null: in memory only. */
export function itemShelf(durable: { store: Store; commits: Commits } | null): ItemShelf {
  const jobs = new Map<number, Items>();
  return {
    get: (job) => jobs.get(job),
    pack(parts) {
      const items = packItems(parts);
      const chunks = durable === null ? [] : [...packValues([items.stored()], partBytesOf(durable.store.limits))];
      return (job) => {
        jobs.set(job, items);
        if (durable === null) return;
        const records = chunks.map((bytes, part) => ({ kind: 'items', job, part, bytes }) as const);
        durable.commits.commit([], records).catch(() => {}); // the commit of the submission fails with it
      };
    },
    async restore(job) {
      if (durable === null || jobs.has(job)) return;
      for await (const stored of unpackValues(durable.store.readItems(job)))
        jobs.set(job, storedItems(stored as StoredItems));
    },
    delete: (job) => void jobs.delete(job),
  };
}
