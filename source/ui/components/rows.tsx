/** Lines as Ink draws them: one `<Text>` each. */
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { paint, type Row } from '../line.ts';
import type { Ground, Theme } from '../theme.ts';

export interface Line {
  readonly row: Row;
  readonly ground?: Ground;
}

/** Exactly `height` lines of at most `width` cells; what is missing is empty. */
export function Rows({
  theme,
  lines,
  width,
  height,
}: {
  theme: Theme;
  lines: readonly Line[];
  width: number;
  height: number;
}): ReactNode {
  if (height <= 0) return null;
  return (
    <Box flexDirection="column" width={width} height={height} flexShrink={0}>
      {Array.from({ length: height }, (_, i) => {
        const line = lines[i];
        // A line without text would have no height.
        const text = line === undefined ? ' ' : paint(theme, line.row, width, line.ground) || ' ';
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line of the screen is its place
          <Text key={i} wrap="truncate">
            {text}
          </Text>
        );
      })}
    </Box>
  );
}

/** Rows on no ground. */
export function plain(rows: readonly Row[]): Line[] {
  return rows.map((row) => ({ row }));
}
