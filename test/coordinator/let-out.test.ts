/** Work that leaves before its commit is written: what may, in what order, and what a restart makes of it. */
import { afterEach, expect, test, vi } from 'vitest';
import { leavingWith, letOut } from '../../source/coordinator/let-out.ts';
import { startLoop, type Unstamped } from '../../source/coordinator/loop.ts';
import type { Intent } from '../../source/journal/intent-log.ts';
import type { Fact } from '../../source/model/fact.ts';
import { apply } from '../../source/scheduler/apply.ts';
import { violations } from '../../source/scheduler/invariants.ts';
import type { Scheduler } from '../../source/scheduler/scheduler.ts';
import { fleet } from '../scheduler/fleet.ts';

afterEach(() => void vi.useRealTimers());

const at = 1;
const assigned = (ordinal: number): Fact =>
  ({ kind: 'assigned', job: 1, ordinal, attempt: 1, node: 'a', adopted: false, at }) as Fact;
const heavy: Fact = { kind: 'recalled', job: 1, ordinal: 9, attempt: 1, node: 'a', at };

/** A loop whose scheduler says what the test posts, and whose journal writes when the test says so. */
function rig(room = true) {
  const said: string[] = [];
  const commits: { patient: boolean; written: PromiseWithResolvers<void> }[] = [];
  let noted: readonly Intent[] = [];
  const scheduler = {
    state: { epoch: 5 },
    handle: (event: { kind: string; facts?: Fact[] }) => event.facts ?? [],
  } as unknown as Scheduler;
  const loop = startLoop({
    scheduler,
    clock: { now: () => at },
    handled: () => {},
    commit(_, patient) {
      const written = Promise.withResolvers<void>();
      commits.push({ patient, written });
      return { written: written.promise, durable: new Promise(() => {}) };
    },
    intents: {
      note(epoch, intents) {
        expect(epoch).toBe(5);
        if (room) noted = [...noted, ...intents];
        return room;
      },
      clear: () => {
        noted = [];
      },
    },
    fatal(error) {
      throw error;
    },
  });
  loop.onWritten((facts) => said.push(facts.map((fact) => ('ordinal' in fact ? fact.ordinal : fact.kind)).join(' ')));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    said,
    noted: () => noted.map(({ ordinal }) => ordinal),
    async post(...facts: Fact[]) {
      loop.post({ kind: 'dispatch', facts } as unknown as Unstamped);
      await turn();
    },
    patient: () => commits.map(({ patient }) => patient),
    async ask(...facts: Fact[]) {
      loop.ask({ kind: 'dispatch', facts } as unknown as Unstamped, () => {});
      await turn();
    },
    async report(...facts: Fact[]) {
      loop.report({ kind: 'dispatch', facts } as unknown as Unstamped, () => {});
      await turn();
    },
    async write(commit: number) {
      commits[commit]?.written.resolve();
      await turn();
    },
  };
}

test('light work leaves at once, noted until the journal has all of it', async () => {
  const { said, noted, post, write } = rig();
  await post(assigned(0));
  await post(assigned(1));
  expect(said).toEqual(['0', '1']);
  expect(noted()).toEqual([0, 1]);
  await write(0);
  expect(noted()).toEqual([0, 1]);
  await write(1);
  expect(noted()).toEqual([]);
  expect(said).toEqual(['0', '1']);
});

test('what weighs more waits until it is written; what came after it leaves then, but not before', async () => {
  const { said, noted, post, write } = rig();
  await post(assigned(0), heavy);
  await post(assigned(1));
  await post(assigned(2));
  await post(heavy);
  await post(assigned(3));
  expect(said).toEqual([]);
  expect(noted()).toEqual([]);
  await write(0);
  expect(said).toEqual(['0 9', '1', '2']);
  expect(noted()).toEqual([1, 2]);
  await write(1);
  expect(noted()).toEqual([1, 2]);
  await write(2); // though not all is written
  expect(noted()).toEqual([]);
  await post(assigned(4));
  expect(said).toEqual(['0 9', '1', '2']);
  await write(3);
  expect(said.slice(3)).toEqual(['9', '3', '4']);
  expect(noted()).toEqual([3, 4]);
  await post(assigned(5));
  expect(said.at(-1)).toBe('5');
});

test('nobody waits for the journal where work has left and nobody is to be told', async () => {
  const { patient, post, ask, report, write } = rig();
  await post(assigned(0));
  await ask(assigned(1));
  await post(heavy);
  await post(assigned(2));
  for (const commit of [0, 1, 2, 3]) await write(commit);
  await post(assigned(3));
  expect(patient()).toEqual([true, false, false, false, true]);
  await report(assigned(4)); // whoever is told then does not wait for it
  expect(patient().at(-1)).toBe(true);
});

test('without room for a note it waits, as do those after it', async () => {
  const { said, post, write } = rig(false);
  await post(assigned(0));
  await post(assigned(1));
  await post({ ...assigned(2), kind: 'ended' } as Fact);
  expect(said).toEqual([]);
  await write(0);
  expect(said).toEqual(['0']);
  await write(1);
  await write(2);
  expect(said).toEqual(['0', '1', '2']);
});

test('only attempts are noted', () => {
  expect(leavingWith([])).toEqual([]);
  expect(leavingWith([assigned(4)])).toMatchObject([{ job: 1, ordinal: 4, attempt: 1, node: 'a' }]);
  expect(leavingWith([assigned(4), heavy])).toBeNull();
});

test('after a kill an attempt that the journal lacks is where it went; the node says what became of it', () => {
  const on = fleet();
  on.join('a');
  on.join('b');
  on.submit(3);
  on.tell({ kind: 'session', version: 'v', policy: null, discipline: null, cpuLimit: null, seed: 1 });
  const left = (ordinal: number, attempt: number, node: string): Intent => ({ job: 1, ordinal, attempt, node });
  const facts = letOut(on.state, [
    left(0, 1, 'b'),
    left(1, 1, 'a'),
    left(1, 2, 'b'), // the first had ended meanwhile, and the journal lacks that as well
    left(2, 1, 'gone'),
    { job: 9, ordinal: 0, attempt: 1, node: 'a' },
    left(7, 1, 'a'),
  ]);
  expect(facts.map(({ ordinal, attempt, node }) => `${ordinal}#${attempt} ${node}`)).toEqual(['0#1 b', '1#2 b']);
  for (const fact of facts) apply(on.state, fact);
  expect(violations(on.state)).toEqual([]);
  // Known by now: not again.
  expect(letOut(on.state, [left(0, 1, 'b')])).toEqual([]);
  // What b holds goes on there; what never reached it waits again, under the next number.
  expect(on.join('b', {}, { running: ['1.0#1'] })).toEqual([
    'b is back',
    '1.1#2 requeued b recalled',
    '1.0#1 started b',
  ]);
  expect(on.join('a')).toEqual(['a is back']);
  const said = on.dispatch();
  expect(said.filter((line) => line.startsWith('1.0'))).toEqual([]);
  expect(said.some((line) => line.startsWith('1.1#3'))).toBe(true);
});
