/** Which pages have marked places, and what belongs there. */
import { protocolTables } from './protocol-page.ts';
import { tables } from './readme-tables.ts';

export const generated: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'readme.md': tables,
  'docs/protocol.md': protocolTables,
};
