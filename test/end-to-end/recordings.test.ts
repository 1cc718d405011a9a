/** The words about recordings, on one of a real fleet: while it is written, afterwards, damaged, cut, and what is none. */
import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Summary } from '../../source/feed/summary.ts';
import type { Explanation } from '../../source/model/report.ts';
import type { Verification } from '../../source/simulation/traces/verify.ts';
import type { WhatIf } from '../../source/simulation/traces/what-if.ts';
import { castObjections } from '../helpers/asciicast.ts';
import { type Cluster, type Ran, until } from '../helpers/lbtop.ts';
import { type RecordedFleet, recordedFleet, secrets } from '../helpers/recorded.ts';
import { noTerminal, openTerminal } from '../helpers/terminal.ts';
import { fileObjections } from '../helpers/trace-event-format.ts';

let fleet: RecordedFleet;
let cluster: Cluster;
let file: string;
/** As the running coordinator said it. */
let live: Explanation;
let whileWritten: { replay: Ran; verify: Ran; info: Ran };

beforeAll(async () => {
  fleet = await recordedFleet();
  ({ cluster, file } = fleet);
  live = await cluster.json<Explanation>(['explain', '1.5']);
  // A recorder writes facts when they are ten seconds old, and the session may be over before.
  await until(async () => (await cluster.json<Summary>(['trace', 'info', file])).events > 20);
  whileWritten = {
    replay: await cluster.lbtop(['--replay', file, '--json']),
    verify: await cluster.lbtop(['trace', 'verify', file]),
    info: await cluster.lbtop(['trace', 'info', file]),
  };
  await cluster.fleet.endCoordinator();
}, 120_000);
afterAll(async () => await fleet?.[Symbol.asyncDispose]());

/** Runs it; it has to succeed, and to say nothing else. */
async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.lbtop(args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

describe('a recording that is still being written', () => {
  test('plays, is verified, and has its totals up to then', () => {
    const { replay, verify, info } = whileWritten;
    expect(replay).toMatchObject({ code: 0, stderr: '' });
    const summary = JSON.parse(replay.stdout) as Summary;
    expect(summary.damage).toEqual([]);
    expect(summary.nodes.map(({ node }) => node).sort()).toEqual(['a', 'b']);
    expect(summary.events).toBeGreaterThan(20);
    expect(verify).toMatchObject({ code: 0, stderr: '' });
    expect(verify.stdout).toMatch(/^verified: the scheduler says all [\d,]+ facts again/);
    expect(info).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('info', () => {
  test('has the totals of the session, and so has --replay without a terminal', async () => {
    const summary = JSON.parse(await said('trace', 'info', file, '--json')) as Summary;
    expect(summary).toMatchObject({
      tasks: { succeeded: 17, failed: 2, queued: 0, running: 0 },
      gaps: [],
      damage: [],
      cut: null,
      file,
    });
    // Those that ran on the killed node, at the least.
    expect(summary.requeued).toBeGreaterThanOrEqual(2);
    expect(summary.nodes.find(({ node }) => node === 'b')).toMatchObject({ health: 'lost', slots: 2 });
    expect(JSON.parse(await said('--replay', file, '--json'))).toEqual(summary);
    const lines = await said('trace', 'info', file);
    expect(lines).toMatch(/^session {3}\d{4}-\d\d-\d\d .* lbtop \d+\.\d+\.\d+\ntasks {5}17 succeeded, 2 failed\n/);
    expect(await said('--replay', file)).toBe(lines);
  });
});

describe('verify', () => {
  test('proves every decision of a real session', async () => {
    const result = JSON.parse(await said('trace', 'verify', file, '--json')) as Verification;
    expect(result).toMatchObject({ verified: true, unproven: 0, why: null, difference: null });
    const { events, heartbeats } = JSON.parse(await said('trace', 'info', file, '--json')) as Summary;
    expect(result.facts).toBe(events + heartbeats);
    expect(result.inputs).toBeGreaterThan(100);
  });
});

describe('export', () => {
  test('jsonl: a line a fact', async () => {
    const lines = (await said('trace', 'export', file, '--format', 'jsonl')).trimEnd().split('\n');
    const [head, ...facts] = lines.map((line) => JSON.parse(line));
    expect(head).toMatchObject({ kind: 'trace', facts: facts.length });
    expect(facts.filter(({ kind }) => kind === 'job-submitted')).toHaveLength(3);
    expect(facts.filter(({ kind, state }) => kind === 'ended' && state === 'succeeded')).toHaveLength(17);
  });

  test('perfetto: what its readers ask, a track a node and a slot', async () => {
    const timeline = JSON.parse(await said('trace', 'export', file, '--format', 'perfetto'));
    expect(fileObjections(timeline)).toEqual([]);
    const names = (of: string): string[] =>
      timeline.traceEvents
        .filter(({ name }: { name: string }) => name === of)
        .map((one: { args: { name: string } }) => one.args.name);
    expect(names('process_name')).toEqual([
      'coordinator',
      expect.stringMatching(/^[ab]$/),
      expect.stringMatching(/^[ab]$/),
    ]);
    expect(names('thread_name').sort()).toEqual(['slot 1', 'slot 1', 'slot 2', 'slot 2']);
    const ran = timeline.traceEvents.filter(
      (one: { ph: string; args: { end: string } }) => one.ph === 'X' && one.args.end === 'succeeded',
    );
    expect(ran).toHaveLength(17);
  });

  test('cast: what asciinema asks', async () => {
    const cast = await said('trace', 'export', file, '--format', 'cast');
    expect(castObjections(cast)).toEqual([]);
    expect(cast).toContain('session.lbtrace');
  });

  test('cast: asciinema itself plays it', async (context) => {
    const why = noTerminal() ?? noAsciinema();
    if (why !== null) return context.skip(why);
    const cast = join(cluster.directory, 'session.cast');
    writeFileSync(cast, await said('trace', 'export', file, '--format', 'cast'));
    const terminal = openTerminal('asciinema', ['cat', cast], { columns: 120, rows: 36 });
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
    expect(terminal.text()).toContain('session.lbtrace');
    terminal.close();
  });

  test.each(['jsonl', 'perfetto', 'cast'])(
    '%s --redact: nothing of commands, names and reasons is left',
    async (format) => {
      const plain = await said('trace', 'export', file, '--format', format);
      const hidden = await said('trace', 'export', file, '--format', format, '--redact');
      if (format === 'jsonl') for (const word of secrets) expect(plain).toContain(word);
      for (const word of [...secrets, 'session.lbtrace', 'sleep 0.2', 'TOKEN']) expect(hidden).not.toContain(word);
      if (format === 'cast') expect(castObjections(hidden)).toEqual([]);
      if (format === 'perfetto') expect(fileObjections(JSON.parse(hidden))).toEqual([]);
    },
  );
});

describe('explain', () => {
  test('of a recording says of a past decision what the coordinator said', async () => {
    const recorded = JSON.parse(await said('explain', '1.5', '--replay', file, '--json')) as Explanation;
    expect(recorded).toMatchObject({ task: '1.5', state: 'succeeded', attempt: 1, at: live.at, node: live.node });
    expect(recorded.candidates.map(({ node, chosen, excluded }) => ({ node, chosen, excluded }))).toEqual(
      live.candidates.map(({ node, chosen, excluded }) => ({ node, chosen, excluded })),
    );
    expect(await said('explain', '1.5', '--replay', file)).toMatch(
      /^task 1\.5: succeeded on [ab], attempt 1, by least-load at /,
    );
    expect(await cluster.lbtop(['explain', '1', '--replay', file])).toMatchObject({ code: 2, stdout: '' });
    expect(await cluster.lbtop(['explain', '77.1', '--replay', file])).toMatchObject({
      code: 2,
      stderr: 'lbtop: there is no job 77 in it at that time\n',
    });
  });
});

describe('whatif', () => {
  test('lives the session again, first under its own rules, and tells how far that is from what was', async () => {
    const policies = 'least-load,first';
    const result = JSON.parse(await said('whatif', file, '--policy', policies, '--json')) as WhatIf;
    expect(result.recorded).toMatchObject({ policy: 'least-load', tasks: 19 });
    expect(result.calibration.simulated.tasks).toBe(19);
    // A session of seconds on a busy machine: far from exact, and far from another session.
    expect(result.calibration.error.makespan).toBeLessThan(0.5 * result.recorded.makespan);
    expect(result.results.map(({ policy }) => policy)).toEqual(policies.split(','));
    // The same rules are no other session.
    expect(result.results[0]?.changes.makespan).toEqual({ by: 0, shown: false });
    const text = await said('whatif', file, '--policy', 'least-load');
    expect(text).toContain('\ncalibration error: makespan ');
    expect(text).toMatch(/\nleast-load: no difference that this recording can show\n$/);
  });

  test('--assert exits 1 where it does not hold, or cannot be shown', async () => {
    const asserted = (expression: string): Promise<Ran> => cluster.lbtop(['whatif', file, '--assert', expression]);
    expect(await asserted('makespan<1000, meanWait<900')).toMatchObject({ code: 0, stderr: '' });
    expect(await asserted('makespan<0.001')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^lbtop: least-load: makespan<0\.001 does not hold: it is [\d.]+, the bound 0\.001\n$/,
      ),
    });
    expect(await asserted('makespan<recorded')).toMatchObject({ code: 1 });
    expect(await asserted('speed<1')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^lbtop: --assert: expected a comparison such as .*"speed<1"\n$/),
    });
  });
});

describe('a file that is not whole', () => {
  const changed = (name: string, change: (bytes: Buffer) => void): string => {
    const path = join(cluster.directory, name);
    const bytes = readFileSync(file);
    change(bytes);
    writeFileSync(path, bytes);
    return path;
  };
  const exported = (path: string): string[] => ['trace', 'export', path, '--format', 'jsonl'];

  test('cut: what is before it is told and verified, and where it ends', async () => {
    const path = changed('cut.lbtrace', () => {});
    truncateSync(path, readFileSync(path).length - 20);
    const note = /ends within a block at offset \d+: \d+ bytes are not played/;
    expect(await said('trace', 'info', path)).toMatch(note);
    expect(await said('trace', 'verify', path)).toMatch(note);
    expect(await cluster.lbtop(exported(path))).toMatchObject({ code: 0, stderr: expect.stringMatching(note) });
  });

  test('with one bit changed in its facts: the place is told; what cannot be read is not verified', async () => {
    const path = changed('flipped.lbtrace', (bytes) => {
      const at = firstFacts(bytes) + 40;
      bytes[at] = (bytes[at] as number) ^ 0x10;
    });
    const note = /damaged at offset \d+/;
    expect(await said('trace', 'info', path)).toMatch(note);
    expect(await cluster.lbtop(['trace', 'verify', path])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^not verified: damaged at offset \d+/),
      stderr: '',
    });
    expect(await cluster.lbtop(exported(path))).toMatchObject({ code: 0, stderr: expect.stringMatching(note) });
    expect(await cluster.lbtop(['whatif', path])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^lbtop: .*flipped\.lbtrace: facts are missing \(damaged at offset .*cannot be lived again\n$/,
      ),
    });
  });

  test('that is none, is empty, is not there, or is newer: refused in one line', async () => {
    const newer = changed('newer.lbtrace', (bytes) => {
      bytes.writeUInt16BE(2, 8);
      bytes.writeUInt32BE(crc32(bytes.subarray(0, 16)), 28);
    });
    const other = join(cluster.directory, 'other');
    writeFileSync(other, 'GIF89a, or something');
    const empty = join(cluster.directory, 'empty');
    writeFileSync(empty, '');
    for (const [path, why] of [
      [newer, /newer\.lbtrace was recorded by a newer lbtop \(format 2, this one reads 1\): update lbtop/],
      [other, /other is not an lbtop recording \(\*\.lbtrace\)/],
      [empty, /empty is empty: not a recording/],
      [join(cluster.directory, 'nothing'), /cannot read .*nothing: there is no such file/],
      [cluster.directory, /it is a directory without a journal of lbtop/],
    ] as const)
      for (const args of [
        ['trace', 'info', path],
        ['trace', 'verify', path],
        exported(path),
        ['whatif', path],
        ['--replay', path],
      ]) {
        const ran = await cluster.lbtop(args);
        expect({ args, ...ran }).toMatchObject({ args, code: 2, stdout: '', stderr: expect.stringMatching(why) });
        expect(ran.stderr).toMatch(/^lbtop: [^\n]+\n$/);
      }
  }, 60_000);

  test('and what was typed wrong', async () => {
    for (const [args, why] of [
      [['trace'], /needs info, verify or export/],
      [['trace', 'play', file], /needs info, verify or export/],
      [['trace', 'export', file], /trace export needs --format: jsonl, perfetto or cast/],
      [['trace', 'export', file, '--format', 'xml'], /--format: .*jsonl/],
      [['trace', 'info', file, '--redact'], /go with export, not with info/],
      [['whatif'], /whatif needs one recording/],
      [['whatif', file, '--policy', 'best'], /--policy: .*"best"/],
    ] as [string[], RegExp][])
      expect(await cluster.lbtop(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(why) });
  });
});

/** Returns where the first block of facts stands: length and kind of each block are as docs/trace-format.md says. */
function firstFacts(bytes: Buffer): number {
  let at = 32;
  while (bytes[at + 4] !== 2) at += 32 + bytes.readUInt32BE(at);
  return at;
}

/** Why asciinema is not asked, or null. */
function noAsciinema(): string | null {
  try {
    execFileSync('asciinema', ['--version'], { stdio: 'pipe' });
    return null;
  } catch {
    return 'asciinema is not installed';
  }
}
