/** All rows of the comparison in their order. */
import { w1, w3 } from './noop-rows.ts';
import { w2 } from './process-row.ts';
import type { Row } from './row.ts';

export const rows: readonly Row[] = [w1, w2, w3];
