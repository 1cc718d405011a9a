/** What all tables can: CSV, `--watch`, the pager. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pagerOf } from '../../source/client/pager.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { fakeCoordinator } from './fake-coordinator.ts';
import { type FakeIo, fakeIo, lbtop } from './fake-io.ts';
import { jobRow, nodeRow, status } from './rows.ts';

const asked = (typed: string, io: FakeIo, names: readonly string[]) => {
  let times = 0;
  const coordinator = fakeCoordinator({
    nodes: () => [nodeRow({ name: names[Math.min(times++, names.length - 1)] as string })],
    jobs: ({ from }) => (from === 0 ? Array.from({ length: 40 }, (_, i) => jobRow({ job: i + 1, name: `n${i}` })) : []),
    status: () => status,
  });
  return { ran: lbtop(typed.split(' '), coordinator, io), times: () => times };
};

describe('a narrow terminal', () => {
  const coordinator = () =>
    fakeCoordinator({
      nodes: () => [nodeRow({ name: 'one', reason: 'disk swap' })],
      jobs: ({ from }) => (from === 0 ? [jobRow({ job: 1, name: 'a name' })] : []),
    });
  const shown = async (word: string, columns: number | null) => {
    const io = fakeIo(columns === null ? {} : { stdout: { terminal: true, columns } });
    return (await lbtop([word], coordinator(), io)).out.trimEnd().split('\n');
  };

  test.each(['nodes', 'jobs'])('%s: columns are left out until a line is a line, the last one stays', async (word) => {
    const [whole = ''] = await shown(word, null);
    expect(whole.length).toBeGreaterThan(80);
    expect(await shown(word, 300)).toHaveLength(2);
    expect((await shown(word, 300))[0]).toBe(whole);
    for (const columns of [120, 100, 80, 60]) {
      const lines = await shown(word, columns);
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      expect(lines[0]).toMatch(/(REASON|NAME)$/);
      expect(lines[1]).toMatch(/(disk swap|a name)$/);
    }
  });

  test('of the columns that may go a blank one goes first', async () => {
    const answers = (labels: Record<string, string>) => fakeCoordinator({ nodes: () => [nodeRow({ labels })] });
    const head = async (labels: Record<string, string>, columns: number): Promise<string> =>
      (await lbtop(['nodes'], answers(labels), fakeIo({ stdout: { terminal: true, columns } }))).out.split('\n')[0] ??
      '';
    const whole = await head({}, 300);
    const narrower = await head({}, whole.length - 1);
    expect([narrower.includes('LABELS'), narrower.includes('HEARD')]).toEqual([false, true]);
    const labelled = await head({ a: 'b' }, whole.length - 1);
    expect([labelled.includes('LABELS'), labelled.includes('HEARD')]).toEqual([true, false]);
  });
});

describe('--format', () => {
  test('csv has the names of JSON, nested values as JSON, and quotes what must be', async () => {
    const coordinator = fakeCoordinator({
      nodes: () => [nodeRow({ name: 'one', labels: { room: 'a' }, reason: 'loud,\n"hot"' }), nodeRow({ reason: null })],
    });
    const io = fakeIo();
    const { code, out } = await lbtop(['nodes', '--format', 'csv'], coordinator, io);
    expect(code).toBe(0);
    const [head = '', ...rest] = out.split('\n');
    expect(head).toMatch(/^name,health,intent,drained,reason,overloaded,cpu,/);
    expect(rest.join('\n')).toContain('"loud,\n""hot"""');
    expect(rest.join('\n')).toContain('"{""room"":""a""}"');
    expect(out.endsWith('\n')).toBe(true);
  });

  test('csv of nothing is its head', async () => {
    const { out } = await lbtop(['tasks', '7', '--format', 'csv'], fakeCoordinator({ tasks: () => [] }));
    expect(out).toMatch(/^task,index,state,node,attempt,[^\n]*\n$/);
  });

  test('json is --json; both and another is a mistake', async () => {
    const coordinator = () => fakeCoordinator({ nodes: () => [nodeRow()] });
    const byFormat = await lbtop(['nodes', '--format', 'json'], coordinator());
    expect(byFormat.out).toBe((await lbtop(['nodes', '--json'], coordinator())).out);
    expect(await lbtop(['nodes', '--json', '--format', 'csv'], coordinator())).toMatchObject({
      code: 2,
      err: 'lbtop: --json and --format csv: choose one\n',
    });
  });

  test('csv that a terminal shows has nothing that it would obey', async () => {
    const coordinator = fakeCoordinator({ nodes: () => [nodeRow({ reason: '\x1b[2Jgone' })] });
    const { out } = await lbtop(['nodes', '--format=csv'], coordinator, fakeIo({ stdout: { terminal: true } }));
    expect(out).toContain('gone');
    expect(out).not.toContain('\x1b');
  });
});

describe('--watch', () => {
  test('elsewhere than on a terminal: one table after the other until interrupted', async () => {
    const io = fakeIo();
    const { ran, times } = asked('nodes --watch=100ms', io, ['early', 'late']);
    await vi.waitUntil(() => io.stdout.text().includes('late'));
    io.interrupt();
    expect((await ran).code).toBe(0);
    expect(io.stdout.text().match(/^NODE /gm)?.length).toBe(times());
    expect(io.stdout.text()).not.toContain('\x1b');
  });

  test('JSON: a line each time', async () => {
    const io = fakeIo();
    const { ran } = asked('nodes --json --watch 100ms', io, ['early', 'late']);
    await vi.waitUntil(() => io.stdout.text().includes('late'));
    io.interrupt('SIGTERM');
    await ran;
    const names = io.stdout
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)[0].name);
    expect(names.slice(0, 2)).toEqual(['early', 'late']);
  });

  test('on a terminal: in place, no longer than it is, and the last one stays', async () => {
    const io = fakeIo({ stdout: { terminal: true, rows: 5, columns: 200 } });
    const { ran } = asked('jobs --watch', io, []);
    await vi.waitUntil(() => io.stdout.text().includes('\x1b[J'));
    io.interrupt();
    await ran;
    const [, inside = '', after = ''] = io.stdout.text().split(/\x1b\[\?1049[hl]/);
    expect(inside).toContain('n3');
    expect(inside).not.toContain('n4');
    expect(inside.split('\n')).toHaveLength(5);
    expect(after).toContain('n39\n');
  });

  test('a coordinator that goes away ends it, and the terminal is as before', async () => {
    const io = fakeIo({ stdout: { terminal: true } });
    let times = 0;
    const coordinator = fakeCoordinator({
      status: () => {
        if (++times === 2) throw new LbtopError('unreachable', 'gone');
        return status;
      },
    });
    const { code } = await lbtop(['status', '--watch', '100ms'], coordinator, io);
    expect(code).toBe(3);
    expect(io.stdout.text()).toContain('\x1b[?1049l');
  });

  test('is not for csv, nor faster than ten times a second', async () => {
    expect((await lbtop(['jobs', '--watch', '--format', 'csv'], fakeCoordinator({}))).code).toBe(2);
    const { code, err } = await lbtop(['jobs', '--watch', '1ms'], fakeCoordinator({}));
    expect([code, err]).toEqual([2, 'lbtop: --watch: expected a duration from 100ms to 1d, such as 5s, got "1ms"\n']);
  });
});

describe('the pager', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lbtop-pager-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const file = () => join(directory, 'paged');
  const env = (pager: string) => ({ PATH: process.env.PATH ?? '', LBTOP_PAGER: pager });
  const terminal = { terminal: true, rows: 10, columns: 200 };

  test('has what is longer than the terminal, all of it', async () => {
    const io = fakeIo({ stdout: terminal, env: env(`cat > '${file()}'`) });
    expect((await asked('jobs', io, []).ran).code).toBe(0);
    expect(readFileSync(file(), 'utf8').trimEnd().split('\n')).toHaveLength(41);
    expect(io.stdout.text()).toBe('');
  });

  test('that is left before the end ends the word, and that is no fault', async () => {
    const io = fakeIo({ stdout: terminal, env: env(`head -2 > '${file()}'`) });
    const { code, err } = await asked('jobs', io, []).ran;
    expect([code, err]).toEqual([0, '']);
  });

  test('is not asked for what fits, nor for what goes elsewhere', async () => {
    const fits = fakeIo({ stdout: { ...terminal, rows: 60 }, env: env('false') });
    await asked('jobs', fits, []).ran;
    expect(fits.stdout.text()).toContain('n39');
    const piped = fakeIo({ env: env('false') });
    await asked('jobs', piped, []).ran;
    expect(piped.stdout.text()).toContain('n39');
  });

  test('is LBTOP_PAGER, else PAGER, else less where that is; none where it is said so', () => {
    expect(pagerOf({ LBTOP_PAGER: 'most', PAGER: 'more' })).toBe('most');
    expect(pagerOf({ PAGER: 'more -d' })).toBe('more -d');
    expect(pagerOf({ PAGER: 'cat' })).toBe(null);
    expect(pagerOf({ LBTOP_PAGER: '', PAGER: 'more' })).toBe(null);
    expect(pagerOf({ PATH: directory })).toBe(null);
  });
});
