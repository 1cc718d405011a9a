/** docs/security.md: its commands do what it says, and its table counts what there is. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { roles } from '../../source/wire/messages.ts';
import { verbs } from '../../source/wire/verbs.ts';
import { blocksOf, fleetOfOne, runSession } from './shell-session.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/security.md'), 'utf8');

test('a token is made, used, listed and revoked as the page says', { timeout: 300_000 }, async () => {
  const [block = ''] = blocksOf(page, 'sh');
  const after = 'stat -c %a wall.token\nlbtop status --secret-file wall.token || echo "exit $?"\n';
  const { stdout, stderr } = await runSession(fleetOfOne + block + after);
  expect(stdout).toMatch(/^ID +ROLE +NAME +STATE/m);
  expect(stdout).toMatch(/^[0-9a-f]{10} +viewer +wall +valid/m);
  expect(stdout).toMatch(/^[0-9a-f]{10} revoked$/m);
  expect(stdout).toMatch(/^600\nexit 4$/m);
  expect(stderr).toContain('the token wall was revoked');
});

test('the page counts the cells of the matrix right', () => {
  expect(page).toContain(`${roles.length} roles × ${Object.keys(verbs).length} requests`);
});
