/** Which pages have marked places, and what belongs there. */

import { loadTable } from '../bench/queue-load.ts';
import { fullTables, shortTable } from '../bench/race/pages.ts';
import { pictures } from '../bench/race/plots.ts';
import { protocolTables } from './protocol-page.ts';
import { tables } from './readme-tables.ts';
import { securityTables } from './security-tables.ts';
import { traceFormatTables } from './trace-format-tables.ts';

export const generated: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'readme.md': { ...tables, benchmarks: shortTable },
  'docs/benchmarks.md': { rows: fullTables, pictures },
  'docs/protocol.md': protocolTables,
  'docs/scheduling.md': { load: loadTable },
  'docs/security.md': securityTables,
  'docs/trace-format.md': traceFormatTables,
};
