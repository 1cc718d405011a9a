/** The examples that are shell scripts, as their readers run them: with `lbtop` on the path, against real nodes. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, finished, program, type Ran, startCluster, until } from '../helpers/lbtop.ts';

const examples = resolve(import.meta.dirname, '../../examples');

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster([]);
  const [node, cli] = program();
  // Nodes find programs where the script does.
  for (const name of ['a', 'b', 'c'])
    cluster.start(
      ['--node', '--name', name, '--slots', '2', '--connect', `${cluster.fleet.host}:${cluster.fleet.port}`],
      {
        PATH: `${cluster.directory}${delimiter}${process.env.PATH}`,
      },
    );
  await until(async () => (await states()).length === 3);
  writeFileSync(join(cluster.directory, 'lbtop'), `#!/bin/sh\nexec '${node}' '${cli}' "$@"\n`, { mode: 0o755 });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

function run(name: string, ...args: string[]): Promise<Ran> {
  const env = { ...cluster.fleet.environment, PATH: `${cluster.directory}${delimiter}${process.env.PATH}` };
  return finished(spawn(join(examples, name), args, { env, cwd: cluster.directory }));
}

const states = async (): Promise<string[]> =>
  (await cluster.json<{ name: string; intent: string }[]>(['nodes']))
    .map(({ name, intent }) => `${name} ${intent}`)
    .toSorted();

test('hash-tree.sh prints what sha256sum prints', async () => {
  const tree = join(cluster.directory, 'tree');
  mkdirSync(join(tree, 'deep'), { recursive: true });
  const files = Array.from({ length: 20 }, (_, i) => join(tree, i % 2 === 0 ? 'deep' : '', `file ${i}`)).toSorted();
  for (const file of files) writeFileSync(file, `this is ${file}`);
  const { stdout, stderr, code } = await run('hash-tree.sh', 'tree');
  const sums = files.map((file) => `${createHash('sha256').update(`this is ${file}`).digest('hex')}  ${file}\n`);
  expect({ stderr, stdout, code }).toMatchObject({ stdout: sums.join(''), code: 0 });
});

/** Where ImageMagick is not there: takes what the script says to it, and makes a picture of that width of any that begins as one. */
const stand = `#!/bin/sh
test "$(head -c 2 "$1")" = P5 || { echo "convert: $1 is no picture" >&2; exit 1; }
test "$2" = -resize && printf 'P5 %s %s 255' "\${3%x>}" "\${3%x>}" > "$4"
`;

test('convert-pictures.sh makes pictures smaller, and says which one is none', async () => {
  if (!/^Version: ImageMagick/.test(spawnSync('convert', ['-version'], { encoding: 'utf8' }).stdout ?? ''))
    writeFileSync(join(cluster.directory, 'convert'), stand, { mode: 0o755 });
  const from = join(cluster.directory, 'pictures');
  mkdirSync(from);
  const size = 40;
  // Portable grey maps, as bytes.
  for (const name of ['one.pgm', 'two words.pgm'])
    writeFileSync(
      join(from, name),
      Buffer.concat([Buffer.from(`P5 ${size} ${size} 255\n`), Buffer.alloc(size * size, 7)]),
    );
  expect(await run('convert-pictures.sh', 'pictures', 'small', '10')).toMatchObject({ code: 0 });
  const small = join(cluster.directory, 'small');
  expect(readdirSync(small).toSorted()).toEqual(['one.pgm', 'two words.pgm']);
  expect(readFileSync(join(small, 'one.pgm'), 'latin1')).toMatch(/^P5\s10 10\s/);
  writeFileSync(join(from, 'broken.pgm'), 'not a picture');
  const { code, stderr } = await run('convert-pictures.sh', 'pictures', 'small', '10');
  expect(code).toBe(1);
  expect(stderr).toMatch(/broken\.pgm/);
});

test('rolling.sh takes one node after the other out of service, and gives each back', async () => {
  await cluster.lbtop(['pause', 'b']);
  const script = `lbtop nodes --format csv | grep -c ',true,' >> seen; echo "$1" >> seen`;
  const { stdout, code } = await run('rolling.sh', 'sh', '-c', script, 'sh');
  expect(code).toBe(0);
  expect(stdout).toContain('b: up, paused: left alone');
  expect(readFileSync(join(cluster.directory, 'seen'), 'utf8')).toBe('1\na\n1\nc\n');
  expect(await states()).toEqual(['a active', 'b paused', 'c active']);
  await cluster.lbtop(['resume', 'b']);
});

test('rolling.sh stops where the command fails, with that node drained', async () => {
  const { code, stderr } = await run('rolling.sh', 'sh', '-c', 'test "$1" != b', 'sh');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/b: the command failed; it stays drained\n$/)]);
  expect(await states()).toEqual(['a active', 'b draining', 'c active']);
  await cluster.lbtop(['resume', 'b']);
});

test('each script says what it needs where nothing is given', async () => {
  for (const name of readdirSync(examples).filter((file) => file.endsWith('.sh'))) {
    const { code, stderr } = await run(name);
    expect(code).not.toBe(0);
    expect(stderr).toContain('which');
  }
});
