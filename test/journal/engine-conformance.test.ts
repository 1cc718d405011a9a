import { afterAll, beforeAll, describe } from 'vitest';
import { openEngineStore } from '../../source/journal/engine.ts';
import { type Engine, engineMissing, startEngine } from '../helpers/engine.ts';
import { describeStore } from './store-conformance.ts';

describe.skipIf(engineMissing !== null)('three members on loopback', () => {
  let engine: Engine;
  let journals = 0;
  beforeAll(async () => {
    engine = await startEngine();
  }, 90_000);
  afterAll(() => engine.stop());

  describeStore('engine', async () => {
    const url = `${engine.url}/conformance/${++journals}`;
    return { open: () => openEngineStore(url), lasts: true, remove: async () => {} };
  });
});
