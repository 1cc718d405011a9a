/** What can be read of such a map. */
export interface KnownOfOrdinals<V> extends Iterable<[ordinal: number, value: V]> {
  readonly size: number;
  has(ordinal: number): boolean;
  get(ordinal: number): V | undefined;
  values(): Iterable<V>;
}

/**
 * What is known of few tasks of a job, by ordinal, in the order in which it came. Of most jobs nothing is, and of a job
 * there may be a million: until the first entry it takes hardly any memory, where a Map takes 200 bytes.
 */
export class OrdinalMap<V> implements KnownOfOrdinals<V> {
  #entries: Map<number, V> | null;

  constructor(entries: readonly (readonly [ordinal: number, value: V])[] = []) {
    this.#entries = entries.length === 0 ? null : new Map(entries);
  }

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  has(ordinal: number): boolean {
    return this.#entries?.has(ordinal) === true;
  }

  get(ordinal: number): V | undefined {
    return this.#entries?.get(ordinal);
  }

  set(ordinal: number, value: V): void {
    this.#entries ??= new Map();
    this.#entries.set(ordinal, value);
  }

  /** Returns whether there was one. */
  delete(ordinal: number): boolean {
    return this.#entries?.delete(ordinal) === true;
  }

  *values(): Generator<V> {
    if (this.#entries !== null) yield* this.#entries.values();
  }

  *[Symbol.iterator](): Generator<[ordinal: number, value: V]> {
    if (this.#entries !== null) yield* this.#entries;
  }
}

/** A map that stays empty. */
export const nothingKnown: KnownOfOrdinals<never> = new OrdinalMap<never>();
