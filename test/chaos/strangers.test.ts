import { expect, test } from 'vitest';
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
