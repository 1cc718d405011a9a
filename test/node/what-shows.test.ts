/** What others on the machine, and a task itself, can see of a task: arguments, descriptors. */
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { houseRules } from '../../source/node/house-rules.ts';
import { agentOn, command, fakeCoordinator, give, outcomeOf } from './fake-coordinator.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The arguments of all processes, looked at until `over`. */
async function argumentsSeen(over: Promise<unknown>): Promise<string> {
  const seen = new Set<string>();
  let going = true;
  void over.finally(() => {
    going = false;
  });
  while (going) {
    for (const pid of readdirSync('/proc'))
      if (/^\d+$/.test(pid))
        try {
          seen.add(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
        } catch {
          // It has ended.
        }
    await new Promise(setImmediate);
  }
  return [...seen].join('\n');
}

const accounts = process.getuid?.() === 0 ? ['nobody', undefined] : [undefined];

test.each(accounts.flatMap((runAs) => [true, false].map((controlGroups) => ({ runAs, controlGroups }))))(
  'variables that a job names are no arguments of anybody: %j',
  async ({ runAs, controlGroups }) => {
    const fake = fakeCoordinator();
    const rules = houseRules(runAs === undefined ? {} : { runAs });
    await using _ = await agentOn(fake, { rules, controlGroups, shells: false });
    const given = Array.from({ length: 20 }, () => {
      const [attempt] = give(fake, command('sh', '-c', 'echo "$KEY"; sleep 0.01; : as-it-is'), {
        env: { KEY: 'hunter2' },
      });
      return outcomeOf(fake, attempt);
    });
    const seen = await argumentsSeen(Promise.all(given));
    for (const end of given) expect(fake.output(await end, 1).toString()).toBe('hunter2\n');
    expect(seen).toContain('as-it-is'); // it was looked at while they ran
    expect(seen).not.toContain('hunter2');
  },
);

test('a task has its three streams open and nothing else, whatever its node was started with', async () => {
  const file = join(dir, 'open');
  writeFileSync(file, 'of whoever started the node', { mode: 0o600 });
  const program = `
    const { closeInherited } = await import(${JSON.stringify(resolve(import.meta.dirname, '../../source/node/inherited-descriptors.ts'))});
    const { spawnSync } = await import('node:child_process');
    const ask = () => spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }).stdout;
    console.log(JSON.stringify([ask(), (closeInherited(), ask())]));
  `;
  const open = openSync(file, 'r');
  // Node itself sees to the lowest ones.
  const none = Array.from({ length: 37 }, () => 'ignore' as const);
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', ...none, open],
  });
  const [before, after] = JSON.parse(await text(child.stdout as Readable)) as [string, string];
  expect(before).toContain(file);
  expect(after).not.toContain(file);
  // 0, 1, 2 and the directory that is read.
  expect(after.match(/ -> /g)).toHaveLength(4);
});
