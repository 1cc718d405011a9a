import { describe, expect, test } from 'vitest';
import { statusShape } from '../../source/model/report.ts';
import { meanMs, nothingLearned } from '../../source/scheduler/learned.ts';
import { matcher } from '../../source/view/filter.ts';
import { lookAt, lookShape, screens, sorts } from '../../source/view/look.ts';
import { pageOf } from '../../source/view/page.ts';
import { etaMs, jobRow, nodeRow, statusOf, taskRow } from '../../source/view/report.ts';
import { selectWindow, windowShape } from '../../source/view/window.ts';
import fc from '../arbitrary.ts';
import { fakeSession, type Session } from '../ui/fixtures/session.ts';

function windowOf(session: Session, ...look: Parameters<typeof lookAt>) {
  return selectWindow(session.state, session.series, session.now, lookAt(...look));
}

describe('windows', () => {
  test('of every screen, in every order, fit their closed schema', () => {
    const session = fakeSession();
    session.advance(90_000);
    for (const screen of screens)
      for (const sort of [...sorts[screen], 'nonsense'])
        for (const reverse of [false, true])
          for (const filter of ['', 'node', '!lost state:running', 'cpu>5', 'x'.repeat(200)]) {
            const of = screen === 'node' ? 'node-01' : screen === 'job' ? '1' : null;
            const window = windowOf(session, screen, { of, sort, reverse, filter, rows: 20 });
            expect(windowShape.unpack(windowShape.pack(window))).toEqual(window);
          }
  });

  test('a node that drains tells how many tasks are left, and for how long at most where that is known', () => {
    const session = fakeSession();
    session.advance(30_000);
    const note = () => windowOf(session, 'nodes').nodes.find(({ name }) => name === 'node-02')?.note;
    session.say({
      kind: 'node-intent',
      at: session.now,
      node: 'node-02',
      intent: 'draining',
      reason: 'disk',
      by: 'ana',
      deadline: null,
    });
    const left = session.state.nodes.get('node-02')?.held.size;
    expect(left).toBeGreaterThan(0);
    expect(note()).toMatch(new RegExp(`^draining ${left} left ~\\d+ s by ana \\(disk\\)`));
    Object.assign(session.state, { learned: nothingLearned() });
    expect(note()).toBe(`draining ${left} left by ana (disk)`);
  });

  test('the newest events of one node, of one job with its tasks, or of all', () => {
    const session = fakeSession();
    session.advance(90_000);
    const subjects = (...look: Parameters<typeof lookAt>): string[] => [
      ...new Set(windowOf(session, ...look).newest.map((event) => event.subject)),
    ];
    expect(subjects('node', { of: 'node-04', events: 50 })).toEqual(['node-04']);
    const task = { node: 'node-01', exitCode: 1, signal: null, error: 'no', runMs: 5, cpuMs: 5, peakBytes: 0 };
    for (const [job, ordinal] of [
      [2, 7],
      [22, 1],
    ] as const)
      session.say({ kind: 'ended', at: session.now, job, ordinal, attempt: 1, state: 'failed', ...task });
    const failed = session.state.jobs.get(2)?.spec.span.first ?? 0;
    expect(subjects('job', { of: '2', events: 200 })).toEqual(['job 2', `2.${failed + 7}`]);
    expect(subjects('node', { of: 'nobody', events: 50 })).toEqual([]);
    expect(subjects('nodes', { events: 50 }).length).toBeGreaterThan(2);
    const newest = windowOf(session, 'node', { of: 'node-01', events: 1 }).newest;
    const all = windowOf(session, 'node', { of: 'node-01', events: 50 }).newest;
    expect(all.length).toBeGreaterThan(1);
    expect(newest).toEqual(all.slice(-1));
  });

  test('of what is not there are empty', () => {
    const session = fakeSession();
    for (const of of [null, 'nobody', '99', '']) {
      expect(windowOf(session, 'node', { of }).node).toBeNull();
      expect(windowOf(session, 'job', { of }).job).toBeNull();
    }
    expect(() => lookShape.unpack(['nodes'])).toThrow(/number/);
    expect(() => lookShape.unpack(lookShape.pack(lookAt('nodes', { rows: 5_000 })))).toThrow(/rows/);
  });

  test('a page of a million tasks looks at that page only', () => {
    const session = fakeSession({ nodes: 1 });
    const { spec } = [...session.state.jobs.values()][0] ?? { spec: null };
    expect(spec).toBeNull();
    session.advance(1_200);
    const job = session.state.jobs.get(1);
    if (job === undefined) throw new Error('no job');
    session.say({
      kind: 'job-submitted',
      at: session.now,
      job: 50,
      spec: { ...job.spec, span: { count: 1_000_000, first: 10, step: 5 } },
      by: 'ana',
    });
    const from = performance.now();
    const window = windowOf(session, 'job', { of: '50', top: 999_990, rows: 50, selected: '50.5000000' });
    expect(performance.now() - from).toBeLessThan(50);
    expect(window.tasks).toHaveLength(10);
    expect(window.tasks[0]?.task).toBe('50.4999960');
    expect(window.selectedAt).toBe(999_998);
    const reversed = windowOf(session, 'job', { of: '50', reverse: true, rows: 3 });
    expect(reversed.tasks.map((row) => row.index)).toEqual([5_000_005, 5_000_000, 4_999_995]);
    const filtered = windowOf(session, 'job', { of: '50', filter: 'state:failed' });
    expect([filtered.matched, filtered.searched]).toEqual([0, 100_000]);
  });

  test('rows by filter, by order, with the place of the selected one', () => {
    const session = fakeSession({ nodes: 25 });
    session.advance(90_000);
    const names = windowOf(session, 'nodes', { rows: 100 }).nodes.map((row) => row.name);
    expect(names).toEqual([...names].sort());
    const byCpu = windowOf(session, 'nodes', { sort: 'cpu', rows: 5, selected: 'node-07' });
    const all = windowOf(session, 'nodes', { sort: 'cpu', rows: 100 }).nodes;
    expect(byCpu.nodes).toEqual(all.slice(0, 5));
    expect(all[byCpu.selectedAt]?.name).toBe('node-07');
    expect(all.at(-1)?.cpu).toBeNull();
    expect(windowOf(session, 'nodes', { filter: 'lost' }).nodes.map((row) => row.name)).toEqual(['node-04']);
    expect(windowOf(session, 'nodes', { sort: 'health', rows: 3 }).nodes[0]?.name).toBe('node-04');
    expect(windowOf(session, 'nodes', { filter: 'label:zone=b' }).matched).toBe(12);
    expect(windowOf(session, 'jobs', { rows: 2 }).jobs.map((row) => row.job)).toEqual([5, 4]);
    expect(windowOf(session, 'jobs', { reverse: true, rows: 2 }).jobs.map((row) => row.job)).toEqual([1, 2]);
    expect(windowOf(session, 'jobs', { selected: '2' }).selectedAt).toBe(3);
    const events = windowOf(session, 'events', { rows: 3, top: 1 });
    expect(events.events.map((row) => row.number)).toEqual([events.total - 2, events.total - 3, events.total - 4]);
    expect(windowOf(session, 'events', { filter: 'level:error subject:node' }).matched).toBe(1);
  });

  test('a big fleet is selected fast', () => {
    const session = fakeSession({ nodes: 10_000, slots: 1 });
    session.advance(1_000);
    for (const sort of ['name', 'cpu']) {
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 10; i++) {
        const from = performance.now();
        windowOf(session, 'nodes', { sort, rows: 60, top: 30, selected: 'node-5000' });
        best = Math.min(best, performance.now() - from);
      }
      expect(best).toBeLessThan(6); // ms; the aim is 2, on a machine that is not busy
    }
  });
});

describe('pages', () => {
  test('are what sorting everything would give', () => {
    const items = fc.array(
      fc.record({ id: fc.nat(), key: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(null)) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(items, fc.nat(100), fc.nat(60), fc.boolean(), fc.nat(), (rows, top, wanted, reverse, pick) => {
        const selected = rows[pick % Math.max(1, rows.length)];
        const look = lookAt('nodes', { top, rows: wanted, reverse, selected: selected === undefined ? null : 'it' });
        const page = pageOf(
          rows,
          (row) => row.key,
          look,
          (row) => row === selected,
        );
        const sign = reverse ? -1 : 1;
        const sorted = rows
          .map((row, place) => ({ row, place }))
          .sort((a, b) => {
            const [left, right] = [a.row.key, b.row.key].map((key) => (key === null ? 99 : sign * key)) as [
              number,
              number,
            ];
            return left - right || sign * (a.place - b.place);
          })
          .map(({ row }) => row);
        expect(page.rows).toEqual(sorted.slice(top, top + wanted));
        expect(page.matched).toBe(rows.length);
        if (selected !== undefined) expect(page.selectedAt).toBe(sorted.indexOf(selected));
      }),
    );
  });

  test('without a key, in the order that is there', () => {
    const rows = ['a', 'b', 'c', 'd', 'e'];
    const page = (look: Parameters<typeof lookAt>[1]) =>
      pageOf(rows, null, lookAt('nodes', look), (row) => row === look?.selected);
    expect(page({ top: 1, rows: 2 }).rows).toEqual(['b', 'c']);
    expect(page({ top: 1, rows: 2, reverse: true, selected: 'a' })).toEqual({
      rows: ['d', 'c'],
      matched: 5,
      selectedAt: 4,
    });
    expect(page({ top: 4, rows: 5, reverse: true }).rows).toEqual(['a']);
    expect(page({ top: 9, rows: 5, reverse: true }).rows).toEqual([]);
  });

  test('words sort as words', () => {
    const page = pageOf(
      ['b', 'a', 'c'],
      (row) => row,
      lookAt('jobs', { reverse: true }),
      () => false,
    );
    expect(page.rows).toEqual(['c', 'b', 'a']);
  });
});

describe('filters', () => {
  const columns = {
    cpu: (row: { cpu: number | null; state: string }) => row.cpu,
    state: (row: { state: string }) => row.state,
  };
  const passes = (filter: string, cpu: number | null, state = 'running'): boolean =>
    matcher(filter, columns, (row) => `text ${row.state}`)?.({ cpu, state }) ?? true;

  test('compare, search, and mean the opposite', () => {
    expect(passes('cpu>50', 51)).toBe(true);
    expect(passes('cpu>50', 50)).toBe(false);
    expect(passes('cpu>=50 cpu<=50', 50)).toBe(true);
    expect(passes('cpu=50', 50)).toBe(true);
    expect(passes('cpu<50', null)).toBe(false);
    expect(passes('STATE:run', 1)).toBe(true);
    expect(passes('state=run', 1)).toBe(false);
    expect(passes('!state:run', 1)).toBe(false);
    expect(passes('!run', 1)).toBe(false);
    expect(passes('text', 1)).toBe(true);
    expect(passes('unknown>5', 1)).toBe(false);
    expect(passes('constructor:x', 1)).toBe(false);
    expect(passes('', 1)).toBe(true);
    expect(passes('  ! ', 1)).toBe(true);
  });

  test('any text is a filter', () => {
    fc.assert(fc.property(fc.string(), (filter) => void passes(filter, 5)));
  });
});

describe('reports', () => {
  test('have the shapes of the contract', () => {
    const session = fakeSession();
    session.advance(90_000);
    const { state, series, now } = session;
    const status = statusOf(state, series, now, { journalBytes: 1, rssBytes: 2 });
    expect(statusShape.unpack(statusShape.pack(status))).toEqual(status);
    expect(Object.keys(status)).toEqual([
      'version',
      'uptimeMs',
      'policy',
      'queue',
      'queuePaused',
      'nodes',
      'slots',
      'tasks',
      'reexecuted',
      'lateResults',
      'throughput',
      'latencyMs',
      'journalBytes',
      'rssBytes',
    ]);
    expect(status.nodes).toEqual({ up: 5, suspect: 0, lost: 1, paused: 1, draining: 0, drained: 1 });
    const node = state.nodes.get('node-01');
    const job = state.jobs.get(1);
    if (node === undefined || job === undefined) throw new Error('nothing there');
    expect(nodeRow(node, now)).toMatchObject({ name: 'node-01', slots: 8, cores: 8, lastHeartbeatMs: 0, direct: null });
    expect(jobRow(state, job, now)).toMatchObject({ job: 1, state: 'running', tasks: 4_000 });
    expect(taskRow(state, job, 0)).toMatchObject({
      task: '1.0',
      index: 0,
      state: 'succeeded',
      exitCode: 0,
      attempt: 1,
    });
    expect(taskRow(state, state.jobs.get(3) ?? job, 7)).toMatchObject({
      state: 'queued',
      node: null,
      exitCode: null,
      startedAt: null,
    });
  });

  test('an ETA is told only where something is known', () => {
    const session = fakeSession();
    session.advance(1_050);
    const job = session.state.jobs.get(1);
    const later = session.state.jobs.get(3);
    if (job === undefined || later === undefined) throw new Error('no job');
    expect(etaMs(session.state.learned, job, session.now)).toBeNull();
    session.advance(30_000);
    expect(etaMs(session.state.learned, job, session.now)).toBeGreaterThan(1_000);
    expect(etaMs(session.state.learned, later, session.now)).toBeNull();
    session.advance(300_000);
    expect(etaMs(session.state.learned, job, session.now)).toBeNull();
  });

  test('before anything of a job has ended, by what its kind takes elsewhere', () => {
    const session = fakeSession();
    session.advance(31_000);
    const job = session.state.jobs.get(1);
    if (job === undefined) throw new Error('no job');
    expect(job.counts.running).toBeGreaterThan(0);
    const taskMs = meanMs(session.state.learned, job.spec);
    const first = { ...job, ranCount: 0, ranMs: 0 };
    const { queued, assigned, running } = job.counts;
    expect(etaMs(session.state.learned, first, session.now)).toBeCloseTo(
      ((queued + assigned + running) * (taskMs as number)) / running,
    );
    expect(etaMs(nothingLearned(), first, session.now)).toBeNull();
  });
});
