/** Rows of numbers in columns that grow: eight bytes a number, whatever there are of them. */
export interface Columns<N extends string> {
  readonly length: number;
  /** Adds a row, its numbers in the order of the names. */
  push(...row: number[]): void;
  get(row: number, name: N): number;
}

const firstRows = 1_024;

/** Returns columns without a row. */
export function growingColumns<const N extends string>(names: readonly N[]): Columns<N> {
  const places = new Map<string, number>(names.map((name, place) => [name, place]));
  const width = names.length;
  let cells = new Float64Array(firstRows * width);
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(...row) {
      if ((length + 1) * width > cells.length) {
        const grown = new Float64Array(cells.length * 2);
        grown.set(cells);
        cells = grown;
      }
      cells.set(row, length * width);
      length++;
    },
    get: (row, name) => cells[row * width + (places.get(name) as number)] as number,
  };
}
