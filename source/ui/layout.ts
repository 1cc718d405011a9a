/** What is on the screen at which size: panels go first when it shrinks, then the lines round the table. Pure. */

export interface Layout {
  readonly columns: number;
  readonly rows: number;
  /** One line that says it all, for terminals too small for a table. */
  readonly tiny: boolean;
  /** Rows of the meters: a row of boxes, lines, or none. */
  readonly meters: 'boxes' | 'lines' | 'none';
  readonly meterRows: number;
  readonly tabs: boolean;
  /** Rows of the detail above the table, for a node or a job. */
  readonly detailRows: number;
  /** Rows of the newest events below the table, frame included. */
  readonly tickerRows: number;
  readonly tickerBoxed: boolean;
  /** Rows of the replay's bar. */
  readonly timeRows: number;
  /** Rows of the table without its head. */
  readonly tableRows: number;
}

export interface LayoutWants {
  /** What is shown above the tasks. */
  detail: 'node' | 'job' | null;
  /** The newest events are shown below. */
  ticker: boolean;
  time: boolean;
  /** Rows that the table has; null while that is not known. What it does not need goes to the ticker. */
  matched: number | null;
}

/** Returns what fits into a terminal of that size. */
export function layoutFor(columns: number, rows: number, wants: LayoutWants): Layout {
  const tiny = rows < 5 || columns < 20;
  const big = rows >= 30 && columns >= 76;
  const middle = rows >= 14;
  const meters = tiny || wants.detail !== null ? 'none' : big ? 'boxes' : middle ? 'lines' : 'none';
  const meterRows = meters === 'boxes' ? 6 : meters === 'lines' ? 2 : 0;
  const tabs = rows >= 12;
  const boxedDetail = wants.detail === 'node' ? 9 : 7;
  const detailRows = wants.detail === null || tiny ? 0 : rows >= 30 ? boxedDetail : rows >= 18 ? 5 : rows >= 10 ? 1 : 0;
  const tickerBoxed = big;
  const tickerLeast = tiny || !wants.ticker ? 0 : leastTicker(rows, big, wants.detail !== null);
  const timeRows = !wants.time || tiny ? 0 : big ? 3 : rows >= 10 ? 2 : 1;
  // The title, the table's head and the footer are always there.
  const room = Math.max(1, rows - 3 - meterRows - (tabs ? 1 : 0) - detailRows - tickerLeast - timeRows);
  const spare = tickerLeast === 0 || wants.matched === null ? 0 : Math.max(0, room - Math.max(6, wants.matched + 2));
  const tickerRows = tickerLeast + spare;
  const tableRows = room - spare;
  return { columns, rows, tiny, meters, meterRows, tabs, detailRows, tickerRows, tickerBoxed, timeRows, tableRows };
}

/** Rows of the newest events at least; below a detail the tasks come first. */
function leastTicker(rows: number, boxed: boolean, belowDetail: boolean): number {
  if (!boxed) return rows >= 20 ? 2 : 0;
  if (belowDetail) return rows >= 36 ? 6 : 0;
  return rows >= 44 ? 8 : 6;
}
