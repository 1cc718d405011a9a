/**
 * What is looked at after every event of a world: I4 and I8 in what the event may have changed, the stories of the tasks
 * in the ledger; now and then everything: the whole state, where the journal leads (I7), every screen (I12).
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Event } from '../../model/event.ts';
import { type Fact, isLasting } from '../../model/fact.ts';
import { apply, fold } from '../../scheduler/apply.ts';
import { violations } from '../../scheduler/invariants.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot } from '../../scheduler/snapshot.ts';
import type { State } from '../../scheduler/state.ts';
import { lookAt } from '../../view/look.ts';
import { emptySeries, observe, type Series } from '../../view/series.ts';
import { selectWindow } from '../../view/window.ts';
import type { Random } from '../random.ts';
import type { Ledger } from './ledger.ts';
import type { VirtualJournal } from './virtual-journal.ts';

export interface WorldChecks {
  /** Events so far. */
  readonly events: number;
  /** An event was handled: its facts are applied to the state, and not in the journal yet. Throws what is broken. */
  after(event: Event, facts: readonly Fact[], state: State): void;
  /** The coordinator goes on from what the journal has, and `ahead` of it. `lost`: that is less than it had written. */
  recovered(state: State, lost: boolean, ahead: readonly Fact[]): void;
  /** The world ends. Returns the hash of all events and facts. */
  finish(state: State): string;
}

/** Shares of the events with facts after which the whole state, the journal, the screens are looked at. */
const often = { state: 0.02, journal: 0.003, screens: 0.01 };
/** Of the events without. */
const oftenQuiet = 0.001;
const hashedLength = 65_536;

/** Returns checks that draw their moments from `random`. */
export function worldChecks(random: Random, journal: VirtualJournal, ledger: Ledger): WorldChecks {
  const hash = createHash('sha256');
  let unhashed = '';
  let series: Series = emptySeries();
  let events = 0;

  function note(what: string): void {
    unhashed += what;
    if (unhashed.length < hashedLength) return;
    hash.update(unhashed);
    unhashed = '';
  }

  function checkState(state: State, facts: readonly Fact[] | null, when: string): void {
    const broken = violations(state, facts === null ? null : touchedBy(facts));
    if (broken.length > 0) throw new Error(`I4, I8: ${when}: ${broken.join('; ')}`);
  }

  return {
    get events() {
      return events;
    },
    after(event, facts, state) {
      events++;
      // What else an event says and matters is in the facts.
      note(`${event.kind} ${event.at}\n`);
      for (const fact of facts) {
        note(fact.kind === 'sampled' ? `${fact.node} ${fact.sample.cpu} ${fact.seen}\n` : JSON.stringify(fact));
        ledger.read(fact, state);
        observe(series, state, fact);
      }
      const quiet = !facts.some(isLasting);
      const whole = random.chance(quiet ? oftenQuiet : often.state);
      if (quiet && !whole) return;
      checkState(state, whole ? null : facts, `after ${event.kind}`);
      if (random.chance(often.screens)) checkScreens(state, series, event.at, random);
      if (!random.chance(often.journal)) return;
      const recovered = journal.recover();
      for (const fact of facts) if (isLasting(fact)) apply(recovered, fact);
      checkEqual(takeSnapshot(recovered), takeSnapshot(state), 'I7: the journal leads elsewhere');
    },
    recovered(state, lost, ahead) {
      // Unless something was lost, what was read before is what the journal says, with `ahead` at its end.
      if (lost) ledger.reread(journal.facts);
      else for (const fact of ahead) ledger.read(fact, null);
      for (const fact of ahead) note(JSON.stringify(fact));
      ledger.recovered(state);
      series = emptySeries();
      checkState(state, null, 'recovered');
    },
    finish(state) {
      checkState(state, null, 'at the end');
      // From the first fact: no snapshot hides what was not written down.
      checkEqual(takeSnapshot(fold(journal.facts)), takeSnapshot(state), 'I7: the whole journal leads elsewhere');
      checkEqual(takeSnapshot(journal.recover()), takeSnapshot(state), 'I7: the journal leads elsewhere');
      const now = takeSnapshot(state);
      checkEqual(takeSnapshot(restoreSnapshot(now)), now, 'I7: a snapshot is not what it was taken of');
      return hash.update(unhashed).digest('hex');
    },
  };
}

function touchedBy(facts: readonly Fact[]): { jobs: Set<number>; nodes: Set<string> } {
  const jobs = new Set<number>();
  const nodes = new Set<string>();
  for (const fact of facts) {
    if ('job' in fact) jobs.add(fact.job);
    if ('node' in fact && fact.node !== null) nodes.add(fact.node);
  }
  return { jobs, nodes };
}

function checkEqual(a: Snapshot, b: Snapshot, what: string): void {
  const text = (value: unknown) =>
    JSON.stringify(value, (_, one) => (one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one));
  for (let record = 0; record < Math.max(a.length, b.length); record++)
    if (!isDeepStrictEqual(a[record], b[record])) throw new Error(`${what}:\n${text(a[record])}\n${text(b[record])}`);
}

/** I12: every screen can be drawn, and its rows sum to the totals. */
function checkScreens(state: State, series: Series, at: number, random: Random): void {
  for (const screen of ['nodes', 'tasks', 'events', 'charts'] as const) selectWindow(state, series, at, lookAt(screen));
  const { jobs, totals } = selectWindow(state, series, at, lookAt('jobs', { rows: 1_000 }));
  for (const name of [
    'queued',
    'assigned',
    'running',
    'succeeded',
    'failed',
    'cancelled',
    'skipped',
    'lost',
  ] as const) {
    const sum = jobs.reduce((all, row) => all + row[name], 0);
    if (sum !== totals.tasks[name])
      throw new Error(`I12: ${sum} ${name} in the rows, ${totals.tasks[name]} in the totals`);
  }
  const [ids, names] = [[...state.jobs.keys()], [...state.nodes.keys()]];
  if (ids.length > 0) selectWindow(state, series, at, lookAt('job', { of: String(random.pick(ids)) }));
  if (names.length > 0) selectWindow(state, series, at, lookAt('node', { of: random.pick(names) }));
}
