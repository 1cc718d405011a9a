import { describe, expect, test } from 'vitest';
import { openTaskGroups } from '../../source/node/task-groups.ts';
import { care, type End, ends } from '../chaos/process-care.ts';
import { agentOn, command, fakeCoordinator, give, outcomeOf, shell } from './fake-coordinator.ts';

const tried = await openTaskGroups('tried-by-a-test');
tried?.close();
if (tried === null) console.log('no control groups to write to here: not tested');

describe.skipIf(tried === null)('with control groups', () => {
  test.each(ends)('nothing is left: %s', async (end) => {
    expect(await care(end, true)).toEqual({ end, groups: true, processes: 4, left: 0 });
  });

  test('the environment has no mark', async () => {
    const fake = fakeCoordinator();
    await using _ = await agentOn(fake);
    const [attempt] = give(fake, command('env'));
    expect(fake.output(await outcomeOf(fake, attempt), 1).toString()).not.toContain('LBTOP_AGENT');
  });

  test('CPU time is that of all its processes, to less than a tick', async () => {
    const fake = fakeCoordinator();
    await using _ = await agentOn(fake);
    const [short] = give(fake, command('true'));
    const { cpuMs } = await outcomeOf(fake, short);
    expect(cpuMs).toBeGreaterThan(0);
    const burn = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done';
    const [plain] = give(fake, shell(burn));
    // Its parent goes away: who counts by waiting does not see it.
    const [orphan] = give(
      fake,
      shell(
        `d=$(mktemp -d); (sh -c '${burn}; >"$0/over"' "$d" &); until [ -e "$d/over" ]; do sleep 0.02; done; rm -r "$d"`,
      ),
    );
    const ends = await Promise.all([plain, orphan].map((one) => outcomeOf(fake, one)));
    for (const end of ends) expect(end.cpuMs).toBeGreaterThan(20);
  });
});

/** Those whose environment was cleared are not found; who went away in time stays until the node ends. */
const leftWithout: Record<End, number> = {
  'its own end': 3,
  cancel: 1,
  timeout: 1,
  'node stops': 1,
  'node killed': 1,
  'node and guard killed, node starts again': 1,
};

describe('without control groups', () => {
  test.each(ends)('at most those are left that cannot be found: %s', async (end) => {
    const { left, processes } = await care(end, false);
    expect(processes).toBe(4);
    expect(left).toBeLessThanOrEqual(leftWithout[end]);
  });
});

test.each([true, false])('the most memory that a task had (control groups: %s)', async (controlGroups) => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { controlGroups });
  const bytes = 40 * 1024 * 1024;
  const [held] = give(fake, command('node', '-e', `const b = Buffer.alloc(${bytes}, 1); setTimeout(() => b, 400)`));
  const { peakBytes } = await outcomeOf(fake, held);
  expect(peakBytes).toBeGreaterThan(bytes);
  expect(peakBytes).toBeLessThan(bytes * 8);
});
