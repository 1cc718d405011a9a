/**
 * Lines where Ink's layout puts them. On a terminal they go to the painting that the context holds, and Ink lays out an
 * empty box for them; without one (a screen reader, a test) each is a `<Text>` of Ink's.
 */
import { Box, type DOMElement, measureElement, Text } from 'ink';
import { createContext, type ReactNode, useContext, useLayoutEffect, useRef } from 'react';
import type { Painting } from '../frame-out.ts';
import { type Line, paint, type Row } from '../line.ts';
import type { Theme } from '../theme.ts';

/** Where lines are painted; null: by Ink. */
export const PaintingContext = createContext<Painting | null>(null);

export interface RowsProps {
  theme: Theme;
  lines: readonly Line[];
  width: number;
  height: number;
}

/** Exactly `height` lines of at most `width` cells; what is missing is empty. */
export function Rows(props: RowsProps): ReactNode {
  const painting = useContext(PaintingContext);
  if (props.height <= 0) return null;
  return painting === null ? <InkRows {...props} /> : <PaintedRows {...props} painting={painting} />;
}

function PaintedRows({ lines, width, height, painting }: RowsProps & { painting: Painting }): ReactNode {
  const box = useRef<DOMElement>(null);
  useLayoutEffect(() => {
    if (box.current === null) return;
    const { x, y } = measureElement(box.current);
    painting.put({ x, y, width, height, lines });
  });
  return <Box ref={box} width={width} height={height} flexShrink={0} />;
}

function InkRows({ theme, lines, width, height }: RowsProps): ReactNode {
  return (
    <Box flexDirection="column" width={width} height={height} flexShrink={0}>
      {Array.from({ length: height }, (_, i) => {
        const line = lines[i];
        // A line without text would have no height.
        const text = line === undefined ? ' ' : paint(theme, line.row, width, line.ground) || ' ';
        const words = line === undefined ? '' : spoken(line);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line of the screen is its place
          <Text key={i} wrap="truncate" aria-label={words} aria-hidden={words === ''}>
            {text}
          </Text>
        );
      })}
    </Box>
  );
}

/** Frames, bars and graphs, which a voice would spell out. */
const drawings = /[\u2500-\u259f\u2800-\u28ff]+/g;

/** What a screen reader says of a line. */
function spoken({ row }: Line): string {
  return row
    .map(([text]) => text)
    .join('')
    .replace(drawings, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** Rows on no ground. */
export function plain(rows: readonly Row[]): Line[] {
  return rows.map((row) => ({ row }));
}
