/** All rows of the comparison in their order. */
import { w5, w5Lost } from './durable-rows.ts';
import { w7 } from './fleet-row.ts';
import { growth } from './growth-row.ts';
import { w1, w3 } from './noop-rows.ts';
import { w6 } from './policy-row.ts';
import { w2 } from './process-row.ts';
import { w4, w8 } from './queue-rows.ts';
import type { Row } from './row.ts';
import { w9 } from './trace-row.ts';

export const rows: readonly Row[] = [w1, w2, w3, w4, w5, w5Lost, w6, w7, w8, w9, growth];
