import { expect, test } from 'vitest';
import { fuzzLive } from './live-fuzz.ts';
import { slowReaders } from './slow-reader.ts';
import { slowSockets } from './slow-sockets.ts';
import { tryWrongSecrets } from './wrong-secrets.ts';

test('beside 300 slow sockets a node joins within a second', { timeout: 60_000 }, async () => {
  const seen = await slowSockets(300, 5);
  expect(Math.max(...seen.joinsMs)).toBeLessThan(1_000);
  expect(seen.lines).toBeGreaterThan(0);
});

test('none of 200 wrong secrets gets in, and the right one does meanwhile', { timeout: 60_000 }, async () => {
  const seen = await tryWrongSecrets(200, 20);
  expect(seen).toMatchObject({ letIn: 0, refused: 200, cut: 0, told: false });
  expect(seen.rightMs.length).toBeGreaterThan(0);
});

test('600 changed frames from peers that are welcome: the coordinator stays, answers, and its work is done once', {
  timeout: 120_000,
}, async () => {
  const seen = await fuzzLive(600, 4, 0.1);
  expect(seen).toMatchObject({ frames: 600, lived: true, lost: 0, counted: 0, restarted: 0, runAgain: 0 });
  expect(seen.welcome).toBeGreaterThan(150);
  expect(seen.ends['left hanging'] ?? 0).toBe(0);
  expect(seen.grownBytes).toBeLessThan(64 * 1024 * 1024);
});

test('peers that stop reading wait, or are cut off with the reason; the work beside them is done once', {
  timeout: 120_000,
}, async () => {
  const seen = await slowReaders({ each: 1, held: 1, rounds: 1, tasks: 500 });
  expect(seen).toMatchObject({ lost: 0, counted: 0, restarted: 0, runAgain: 0, nodes: 1, cutOff: 1 });
  expect(seen.staying).toBeGreaterThanOrEqual(5);
  expect(seen.stayed).toBe(seen.staying);
  expect(Math.max(seen.stayingBytes, seen.nodesBytes)).toBeLessThan(64 * 1024 * 1024);
});
