/** The library against a real coordinator and nodes, and the examples as their readers run them. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type EventLine, type Lbtop, type ResultRow } from '../../source/client/index.ts';
import { blocksOf } from '../docs/shell-session.ts';
import { type Cluster, finished, type Ran, startCluster, until } from '../helpers/lbtop.ts';

const root = resolve(import.meta.dirname, '../..');
const examples = join(root, 'examples');
/** Those that use the library. */
const programs = readdirSync(examples).filter((name) => name.endsWith('.ts'));

let cluster: Cluster;
let lbtop: Lbtop;
beforeAll(async () => {
  cluster = await startCluster(['a', 'b']);
  cluster.fleet.startNode('able', ['--slots', '2', '--handlers', join(examples, 'handlers.ts')]);
  const { host, port, secretFile } = cluster.fleet;
  lbtop = await connect({ connect: `${host}:${port}`, secretFile });
  await until(async () => (await lbtop.nodes()).length === 3);
});
afterAll(async () => {
  lbtop?.close();
  await cluster?.[Symbol.asyncDispose]();
});

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const row of rows) list.push(row);
  return list;
}

test('map gives results in order of index, with failures as rows', async () => {
  const values = Array.from({ length: 500 }, (_, i) => i);
  const rows = await all(lbtop.map({ command: ['sh', '-c', 'echo "$1"; test "$1" != 123', 'sh', '{}'] }, values));
  expect(rows.map(({ index, stdout }) => [index, stdout])).toEqual(values.map((value) => [value, `${value}\n`]));
  expect(rows.filter(({ state }) => state !== 'succeeded')).toMatchObject([
    { index: 123, state: 'failed', exitCode: 1, error: 'exited with code 1' },
  ]);
});

test('map gives results as they come: what has ended is there while the rest still runs', async () => {
  const gate = join(cluster.directory, 'gate');
  const values = ['wait', 'go', 'go', 'go', 'go'];
  const command = ['sh', '-c', 'test "$1" = go || until test -e "$0"; do sleep 0.02; done; echo "$1"', gate, '{}'];
  const seen: number[] = [];
  for await (const { index } of lbtop.map({ command }, values, { order: 'end' })) {
    seen.push(index);
    if (seen.length === 4) writeFileSync(gate, ''); // the first can end only now
  }
  expect(seen.slice(0, 4).toSorted()).toEqual([1, 2, 3, 4]);
  expect(seen[4]).toBe(0);
});

test('inputs and results of tasks are JSON and arrive unharmed; a generator of values is read as it goes', async () => {
  async function* vectors(): AsyncIterable<number[]> {
    for (let i = 0; i < 50; i++) yield [i, -0.1 * i, 2 ** 40 + i, 1e-300];
  }
  const rows = await all(lbtop.map({ task: 'increment' }, vectors()));
  expect(rows.map(({ result }) => result)).toEqual(
    (await all(vectors())).map((vector) => vector.map((element) => element + 1)),
  );
  expect(await all(lbtop.map({ task: 'noop' }, []))).toEqual([]);
});

test('leaving the loop, or aborting it, cancels what is left', async () => {
  const command = ['sh', '-c', 'test "$1" = 0 || sleep 600', 'sh', '{}'];
  let job = 0;
  const jobOf = ({ task }: ResultRow): number => Number(task.split('.')[0]);
  for await (const row of lbtop.map({ command }, [0, 1, 2])) {
    job = jobOf(row);
    break;
  }
  expect(await lbtop.wait(job)).toMatchObject([{ state: 'cancelled', succeeded: 1, cancelled: 2 }]);

  const controller = new AbortController();
  const why = new Error('enough');
  const loop = (async () => {
    for await (const row of lbtop.map({ command }, [0, 1, 2], { order: 'end', signal: controller.signal })) {
      job = jobOf(row);
      controller.abort(why);
    }
  })();
  await expect(loop).rejects.toBe(why);
  expect(await lbtop.wait(job)).toMatchObject([{ state: 'cancelled', cancelled: 2 }]);
});

test('run submits and waits in one: the last row, however the job ended, and why it is not taken', async () => {
  const gate = join(cluster.directory, 'told');
  const command = ['sh', '-c', 'until test -e "$0"; do sleep 0.02; done', gate];
  const seen: (number | null)[] = [];
  const row = await lbtop.run({ command }, ({ endedAt }) => {
    seen.push(endedAt);
    writeFileSync(gate, ''); // it can end only once it was told of
  });
  expect(row).toMatchObject({ state: 'succeeded', succeeded: 1 });
  expect([seen[0], seen.at(-1)]).toEqual([null, row.endedAt]);
  expect(await lbtop.run({ task: 'noop', inputs: [1, 2, 3], key: 'once' })).toMatchObject({ succeeded: 3 });
  const { job } = await lbtop.run({ task: 'noop', key: 'once' });
  expect(await lbtop.wait(job)).toMatchObject([{ tasks: 3 }]);
  expect(await lbtop.run({ command: ['false'], retries: 0 })).toMatchObject({ state: 'failed' });
  await expect(lbtop.run({ task: 'noop', after: [1_000_000] })).rejects.toMatchObject({ code: 'usage' });
});

test('a follower that comes late gets every result once, in order of their ends', async () => {
  const { job } = await lbtop.submit({ command: ['true'], array: { count: 300, first: 7, step: 2 } });
  await lbtop.wait(job);
  for (const order of ['index', 'end'] as const) {
    const rows = await all(lbtop.follow(job, order));
    expect(rows.map(({ index }) => index).toSorted((x, y) => x - y)).toEqual(
      Array.from({ length: 300 }, (_, i) => 7 + 2 * i),
    );
  }
  const ends = new Map((await all(lbtop.tasks(job))).map(({ index, endedAt }) => [index, endedAt ?? 0]));
  const order = (await all(lbtop.follow(job, 'end'))).map(({ index }) => ends.get(index) ?? 0);
  expect(order).toEqual(order.toSorted((x, y) => x - y));
});

test('results larger than a frame come in several', async () => {
  // 64 KiB of bytes that are no text each: three times as many once they are text.
  const bytes = ['sh', '-c', 'head -c 65536 /dev/zero | tr "\\0" "\\377"'];
  const { job } = await lbtop.submit({ command: bytes, array: { count: 100, first: 0, step: 1 } });
  for (const order of ['index', 'end'] as const) {
    const rows = await all(lbtop.follow(job, order));
    expect(rows.length).toBe(100);
    expect(rows.every(({ stdout }) => stdout === '\ufffd'.repeat(65_536))).toBe(true);
  }
  expect((await all(lbtop.results(job))).length).toBe(100);
});

test('nodes are operated, tasks explained, retried, purged; output and events followed', async () => {
  expect(await lbtop.pause('a', 'a look')).toEqual(['a']);
  expect((await lbtop.nodes()).find(({ name }) => name === 'a')).toMatchObject({ intent: 'paused', reason: 'a look' });
  expect((await lbtop.throttle(['a', 'b'], 0.5)).toSorted()).toEqual(['a', 'b']);
  await expect(lbtop.throttle('a', 2)).rejects.toMatchObject({ code: 'usage' });
  expect((await lbtop.resume({ all: true })).length).toBe(3);
  await lbtop.throttle({ all: true }, 1);
  expect(await lbtop.policy('round-robin')).toMatchObject({ policy: 'round-robin' });
  expect(await lbtop.policy('least-load')).toMatchObject({ policy: 'least-load' });
  expect((await lbtop.pick()).policy).toBe('least-load');

  await lbtop.pauseQueue(true, 'a test');
  const { job } = await lbtop.submit({ command: ['sh', '-c', 'printf out; printf err >&2; exit $LBTOP_ATTEMPT'] });
  expect(Object.keys((await lbtop.explain(job, 0)).waiting).length).toBeGreaterThan(0);
  const pieces = all(lbtop.logs(job, { index: 0, follow: true }));
  const events: EventLine[] = [];
  const watching = (async () => {
    for await (const line of lbtop.events()) {
      events.push(line);
      if (line.subject === `${job}.0` || line.subject === `job ${job}`) return;
    }
  })();
  await lbtop.pauseQueue(false);
  await lbtop.wait(job);
  await watching;
  expect(events.length).toBeGreaterThan(0);
  const text = (wanted: string, list: Awaited<typeof pieces>) =>
    Buffer.concat(list.filter(({ stream }) => stream === wanted).map(({ data }) => data)).toString();
  expect(text('stdout', await pieces)).toBe('out');
  expect(text('stderr', await pieces)).toBe('err');
  expect(await lbtop.retry(job, { onlyFailed: true })).toBe(1);
  expect(await lbtop.wait(job)).toMatchObject([{ state: 'failed' }]);
  expect((await all(lbtop.results(job)))[0]).toMatchObject({ attempt: 2, exitCode: 2 });
  await lbtop.purge(job);
  expect((await all(lbtop.jobs())).some((row) => row.job === job)).toBe(false);
  await expect(lbtop.wait(job)).rejects.toMatchObject({ name: 'LbtopError' });
});

function example(name: string, args: readonly string[] = []): Promise<Ran> {
  const child = spawn(process.execPath, [join(examples, name), ...args], {
    env: cluster.fleet.environment,
    cwd: cluster.directory,
  });
  return finished(child);
}

/** What each example is to print. A file that is not here fails the test below. */
const shown: Record<string, () => Promise<void>> = {
  'map.ts': async () => {
    expect((await example('map.ts')).stdout).toBe(
      ['360 [2,2,2,3,3,5]', '1000000016000000063 [1000000007,1000000009]', '97 [97]', ''].join('\n'),
    );
  },
  'as-they-come.ts': async () => {
    const files = ['map.ts', 'watch.ts'].map((name) => join(examples, name));
    const { stdout, code } = await example('as-they-come.ts', files);
    const sums = files.map((file) => `${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${file}`);
    expect(stdout.trimEnd().split('\n').toSorted()).toEqual(sums.toSorted());
    expect(code).toBe(0);
    const missing = await example('as-they-come.ts', ['/no/such/file']);
    expect(missing).toMatchObject({ code: 1, stderr: '/no/such/file: exited with code 1\n' });
  },
  'watch.ts': async () => {
    const { stdout, code } = await example('watch.ts');
    expect(stdout).toMatch(/^job \d+ has 8 tasks\n/);
    expect(stdout).toMatch(/\n8 of 8\n/);
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT\S+ job \d+ /m);
    expect(stdout).toMatch(/\nsucceeded\n$/);
    expect(code).toBe(0);
  },
  'drain.ts': async () => {
    const { stdout, code, stderr } = await example('drain.ts', ['b']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toMatch(/b can be taken away\n$/);
    expect((await lbtop.nodes()).find(({ name }) => name === 'b')?.intent).toBe('active');
  },
  'use-handlers.ts': async () => {
    expect(await example('use-handlers.ts')).toMatchObject({
      stdout: 'by 1\nfleet 2\nis 1\nshared 1\nshares 1\nthe 3\nwork 2\n',
      code: 0,
    });
  },
  'handlers.ts': async () => {
    const [row] = await all(lbtop.map({ task: 'words' }, ['one two two']));
    expect(row).toMatchObject({ result: { one: 1, two: 2 } });
  },
};

test.each(programs)('the example %s does what it says', async (name) => {
  const run = shown[name];
  if (run === undefined) throw new Error(`nothing runs examples/${name}`);
  await run();
});

/** The code of docs/library.md. */
const [pageProgram = '', pageHandler = ''] = blocksOf(readFileSync(join(root, 'docs/library.md'), 'utf8'), 'ts');

test('the page of the library: its program prints what it computes, its handler runs on a node', async () => {
  const directory = join(cluster.directory, 'page');
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  symlinkSync(root, join(directory, 'node_modules', 'lbtop'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(join(directory, 'program.ts'), pageProgram);
  writeFileSync(join(directory, 'handler.ts'), pageHandler);
  cluster.fleet.startNode('page', ['--slots', '1', '--handlers', join(directory, 'handler.ts')]);
  const env = cluster.fleet.environment;
  const { stdout, stderr } = await finished(spawn(process.execPath, [join(directory, 'program.ts')], { env }));
  expect({ stderr, stdout }).toEqual({ stderr: '', stdout: '0 [ 2, 2, 2, 3, 3, 5 ]\n1 [ 97 ]\n' });
  await until(async () => (await lbtop.nodes()).some(({ name }) => name === 'page'));
  const [row] = await all(lbtop.map({ task: 'resize' }, [{ path: 'a.png', width: 9 }]));
  expect(row).toMatchObject({ result: 'a.png is 9 wide' });
});

const userProgram = `
import { connect, type Handler, LbtopError, type NodeRow, type ResultRow } from 'lbtop';

export const double: Handler<number, number> = async (input, { signal, progress, log, attempt }) => {
  progress(0.5, 'half');
  log(attempt, signal.aborted);
  return 2 * input;
};

export async function use(): Promise<ResultRow[]> {
  await using lbtop = await connect({ connect: 'localhost:7077', role: 'submitter' });
  const { job }: { job: number } = await lbtop.submit({ command: ['true'], retries: 2, array: { count: 3, first: 1, step: 1 } });
  const rows: ResultRow[] = [];
  for await (const row of lbtop.map({ task: 'double' }, [1, 2, 3], { order: 'end' })) rows.push(row);
  for await (const { at, text } of lbtop.events({ last: 5, follow: false })) console.log(at.toFixed(), text.length);
  const nodes: NodeRow[] = await lbtop.nodes();
  await lbtop.drain(nodes.map(({ name }) => name), { now: true });
  try {
    await lbtop.wait(job);
  } catch (error) {
    if (error instanceof LbtopError && error.code === 'unreachable') console.error(error.message);
  }
  return rows;
}
`;

const wrong: [what: string, program: string][] = [
  ['a job is neither command nor task', `await lbtop.submit({ retries: 2 });`],
  ['no such option', `await lbtop.submit({ command: ['true'], retires: 2 });`],
  ['no such order', `for await (const _ of lbtop.map({ task: 'noop' }, [1], { order: 'random' })) break;`],
  ['a function is no input', `for await (const _ of lbtop.map({ task: 'noop' }, [() => 1])) break;`],
  ['no such code', `import('lbtop').then(({ LbtopError }) => new LbtopError('broken', ''));`],
];

test('programs of users compile against what the package ships, and what is wrong in them is found', async () => {
  const directory = join(cluster.directory, 'user');
  mkdirSync(join(directory, 'node_modules', '@types'), { recursive: true });
  symlinkSync(root, join(directory, 'node_modules', 'lbtop'));
  // Node's types with what they need themselves, as a user's own installation has them.
  for (const name of [join('@types', 'node'), 'undici-types'])
    symlinkSync(join(root, 'node_modules', name), join(directory, 'node_modules', name));
  const start = `import { connect } from 'lbtop';\nconst lbtop = await connect();\n`;
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(join(directory, 'use.ts'), userProgram);
  writeFileSync(join(directory, 'page-program.ts'), pageProgram);
  writeFileSync(join(directory, 'page-handler.ts'), pageHandler);
  for (const name of programs) writeFileSync(join(directory, name), readFileSync(join(examples, name)));
  for (const [place, [, program]] of wrong.entries())
    writeFileSync(join(directory, `wrong-${place}.ts`), start + program);
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        module: 'nodenext',
        target: 'es2024',
        lib: ['es2024', 'esnext.disposable'],
        types: ['node'],
        noEmit: true,
        preserveSymlinks: true,
      },
      include: ['*.ts'],
    }),
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await finished(
    spawn(process.execPath, [tsc, '--pretty', 'false', '-p', directory], { cwd: directory }),
  );
  const complaints = stdout.split('\n').filter((line) => /^\S.*error TS/.test(line));
  const files = new Set(complaints.map((line) => line.slice(0, line.indexOf('('))));
  expect({ files: [...files].toSorted(), stdout }).toMatchObject({
    files: wrong.map((_, place) => `wrong-${place}.ts`),
  });
});
