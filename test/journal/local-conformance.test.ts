import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStore } from '../../source/journal/local.ts';
import { describeStore } from './store-conformance.ts';

describeStore('local', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-store-'));
  return {
    open: () => openLocalStore({ directory, reserveBytes: 0 }),
    lasts: true,
    remove: () => rm(directory, { recursive: true }),
  };
});
