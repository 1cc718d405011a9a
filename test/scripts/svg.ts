/** Draws a terminal's cells as SVG. */
export interface Cell {
  text: string;
  /** 1 or 2; the cell after a wide one has 0. */
  width: number;
  /** `#rrggbb`, or null for the terminal's own. */
  foreground: string | null;
  background: string | null;
  bold: boolean;
  dim: boolean;
}

const cellWidth = 8.4;
const cellHeight = 18;
const paper = '#11151c';
const ink = '#d7dae0';

/** Returns a standalone SVG of the rows; `title` is for those who do not see it. */
export function svgOf(rows: readonly (readonly Cell[])[], title: string): string {
  const width = Math.ceil((rows[0]?.length ?? 0) * cellWidth) + 16;
  const height = rows.length * cellHeight + 16;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
      `font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" rx="6" fill="${paper}"/>`,
  ];
  rows.forEach((row, y) => {
    for (const { from, cells } of runsOf(row)) {
      const x = (8 + from * cellWidth).toFixed(1);
      const first = cells[0] as Cell;
      const across = (cells.reduce((sum, { width }) => sum + width, 0) * cellWidth).toFixed(1);
      const top = 8 + y * cellHeight;
      if (first.background !== null)
        parts.push(`<rect x="${x}" y="${top}" width="${across}" height="${cellHeight}" fill="${first.background}"/>`);
      const text = cells.map((cell) => cell.text || ' ').join('');
      if (text.trim() === '') continue;
      const style = `${first.bold ? ' font-weight="bold"' : ''}${first.dim ? ' opacity="0.6"' : ''}`;
      parts.push(
        `<text x="${x}" y="${top + 14}" textLength="${across}" lengthAdjust="spacingAndGlyphs" fill="${first.foreground ?? ink}"${style}>${escaped(text)}</text>`,
      );
    }
  });
  parts.push('</svg>');
  return `${parts.join('\n')}\n`;
}

/** Cells of one style that stand together. */
function runsOf(row: readonly Cell[]): { from: number; cells: Cell[] }[] {
  const runs: { from: number; cells: Cell[] }[] = [];
  row.forEach((cell, x) => {
    if (cell.width === 0) return;
    const last = runs.at(-1);
    if (last !== undefined && styleOf(last.cells[0] as Cell) === styleOf(cell)) last.cells.push(cell);
    else runs.push({ from: x, cells: [cell] });
  });
  return runs;
}

function styleOf({ foreground, background, bold, dim }: Cell): string {
  return `${foreground} ${background} ${bold} ${dim}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll(' ', '\u00a0');
}
