import { memoryStore } from '../../source/journal/memory.ts';
import { describeStore } from './store-conformance.ts';

describeStore('memory', async () => {
  const store = memoryStore({ batchBytes: 1024 * 1024 });
  return { open: async () => store, lasts: false, remove: async () => {} };
});
