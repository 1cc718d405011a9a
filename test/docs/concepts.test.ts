/** docs/concepts.md: its commands run in their order against a fleet of one node; its words are those of the model. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { taskStates } from '../../source/model/job.ts';
import { healths, intents } from '../../source/model/node.ts';
import { blocksOf, fleetOfOne, runSession } from './shell-session.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/concepts.md'), 'utf8');

test('the commands of the page work, and the words are those that they print', { timeout: 120_000 }, async () => {
  const { stdout } = await runSession(fleetOfOne + blocksOf(page, 'sh').join(''));
  for (const index of [3, 4, 5]) expect(stdout).toContain(`index ${index} attempt 1`);
  expect(stdout).toMatch(/one +up +paused/);
  expect(stdout).toContain('now round-robin');
  expect(stdout).toContain('task 1.4: succeeded');
});

test('every state of a task, health and intent of a node is explained', () => {
  const missing = [...taskStates, ...healths, ...intents].filter((word) => !page.includes(`\`${word}\``));
  expect(missing).toEqual([]);
});
