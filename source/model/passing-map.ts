/**
 * A map through which much passes and in which little stays, with what of `Map` its users need, in the same order.
 *
 * V8 gives a `Map` a new table every few insertions and deletions, and links each old table to the next one (OrderedHashTable,
 * for iterators under way). Once one of them has lived so long that the collector made it old, all later ones hang on it, with
 * whatever was in them: they are copied as young objects, and then as old ones, for nothing. Hence a new `Map` now and then.
 */
export class PassingMap<K, V> {
  #map = new Map<K, V>();
  #deleted = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  /** Not while it is iterated over: what is deleted later would still come. */
  set(key: K, value: V): void {
    if (this.#deleted > mostDeleted && this.#deleted > this.#map.size) {
      this.#map = new Map(this.#map);
      this.#deleted = 0;
    }
    this.#map.set(key, value);
  }

  /** Answers false where it was not there. Well while it is iterated over. */
  delete(key: K): boolean {
    if (!this.#map.delete(key)) return false;
    this.#deleted++;
    return true;
  }

  clear(): void {
    this.#map = new Map();
    this.#deleted = 0;
  }

  keys(): MapIterator<K> {
    return this.#map.keys();
  }

  values(): MapIterator<V> {
    return this.#map.values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#map[Symbol.iterator]();
  }
}

/** Copying what is there costs less than so many deletions. */
const mostDeleted = 256;
