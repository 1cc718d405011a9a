/**
 * Filters of tables. Words separated by spaces must all match; `!word` must not match. A word is a piece of the row's text
 * (`node-0`, `lost`), or compares a column: `cpu>50`, `failed>=1`, `state:running`. Case does not matter.
 */

/** Values of a row by column name: what can be compared, and sorted by. */
export type Columns<T> = Readonly<Record<string, (row: T) => number | string | null>>;

const comparison = /^([a-z]+)(>=|<=|>|<|=|:)(.+)$/;

/** Returns the test that a filter describes, or null where it describes none. `textOf`: where plain words are looked for. */
export function matcher<T>(
  filter: string,
  columns: Columns<T>,
  textOf: (row: T) => string,
): ((row: T) => boolean) | null {
  const tests = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '' && word !== '!')
    .map((word) => test(word, columns, textOf));
  if (tests.length === 0) return null;
  return (row) => tests.every((one) => one(row));
}

function test<T>(word: string, columns: Columns<T>, textOf: (row: T) => string): (row: T) => boolean {
  if (word.startsWith('!')) {
    const opposite = test(word.slice(1), columns, textOf);
    return (row) => !opposite(row);
  }
  const [, name = '', operator = '', wanted = ''] = comparison.exec(word) ?? [];
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (column === undefined) return (row) => textOf(row).toLowerCase().includes(word);
  const bound = Number(wanted);
  return (row) => {
    const value = column(row);
    if (value === null) return false;
    if (operator === ':' && typeof value === 'string') return value.toLowerCase().includes(wanted);
    if (typeof value === 'string') return operator === '=' && value.toLowerCase() === wanted;
    switch (operator) {
      case '>':
        return value > bound;
      case '<':
        return value < bound;
      case '>=':
        return value >= bound;
      case '<=':
        return value <= bound;
      default:
        return value === bound;
    }
  };
}
