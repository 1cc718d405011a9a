/** A question over the screen: what would happen, with counts, and two answers; or a choice among options. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { cells, cut } from '../../view/cells.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import type { Choice, Question } from '../interface-state.ts';
import { boxed, type Piece, type Row } from '../line.ts';
import type { Theme } from '../theme.ts';
import { plain, Rows } from './rows.tsx';

export function Dialog({
  mode,
  theme,
  columns,
  rows,
}: {
  mode: Question | Choice;
  theme: Theme;
  columns: number;
  rows: number;
}): ReactNode {
  const content = mode.kind === 'question' ? questionRows(mode, columns - 6) : choiceRows(mode, theme, rows - 2);
  const widest = Math.max(
    cells(mode.title) + 6,
    ...content.map((row) => row.reduce((sum, [text]) => sum + cells(text), 0)),
  );
  const width = Math.min(columns, Math.max(30, widest + 4));
  const height = Math.min(rows, content.length + 2);
  const lines = boxed(theme, mode.title, fixed(''), content, width, height).map((row) =>
    // The frame of a question that destroys work says so.
    mode.kind === 'question' && mode.grave
      ? row.map(([text, role]): Piece => [text, role === 'faint' || role === 'dim' ? 'bad' : role])
      : row,
  );
  return (
    <Box
      position="absolute"
      marginLeft={Math.max(0, Math.floor((columns - width) / 2))}
      marginTop={Math.max(0, Math.floor((rows - height) / 2))}
    >
      <Rows theme={theme} lines={plain(lines)} width={width} height={height} />
    </Box>
  );
}

function questionRows(mode: Question, width: number): Row[] {
  const button = (words: SafeText, lit: boolean): Piece =>
    lit ? [joined(fixed('▸ '), words, fixed(' ')), 'brand'] : [joined(fixed('  '), words, fixed(' ')), 'text'];
  return [
    [],
    ...mode.lines
      .flatMap((line) => wrapped(line, width))
      .map((line): Row => [[joined(fixed('  '), line, fixed('  ')), 'text']]),
    [],
    [
      [fixed('  '), 'text'],
      button(mode.no, mode.choice === 'no'),
      [fixed('   '), 'text'],
      button(mode.yes, mode.choice === 'yes'),
      ...(width >= 44 ? ([[fixed('   y/n  Tab  ⏎'), 'faint']] as const) : []),
    ],
  ];
}

/** A line in lines of at most `width` cells, broken between words. */
function wrapped(line: SafeText, width: number): SafeText[] {
  const out: SafeText[] = [];
  let rest = line;
  while (cells(rest) > width) {
    const head = cut(rest, width + 1, '');
    const at = head.lastIndexOf(' ');
    const kept = at > 0 ? head.slice(0, at) : cut(rest, width, '');
    out.push(vouched(kept));
    rest = vouched(rest.slice(kept.length).trimStart());
    if (kept === '') break;
  }
  out.push(rest);
  return out;
}

function choiceRows(mode: Choice, theme: Theme, height: number): Row[] {
  const from = Math.max(0, Math.min(mode.at - Math.floor(height / 2), mode.options.length - height));
  return mode.options.slice(from, from + height).map((option, i): Row => {
    const lit = from + i === mode.at;
    const mark = theme.glyphs === 'ascii' ? fixed(' > ') : fixed(' ▸ ');
    return [[joined(lit ? mark : fixed('   '), option.words, fixed('   ')), lit ? 'brand' : 'text']];
  });
}
