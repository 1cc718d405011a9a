import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { program } from './helpers/lbtop.ts';

const root = resolve(import.meta.dirname, '..');

interface Locked {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

test('the lock file has every optional package of every platform', () => {
  // npm leaves out those that its registry did not have when the lock was written, and npm ci then refuses the lock.
  const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const missing = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies).filter((name) => packages[`node_modules/${name}`]?.version === undefined),
  );
  expect(missing).toEqual([]);
});

interface Packed {
  filename: string;
  size: number;
  files: { path: string }[];
}

describe('the package', () => {
  /** A project of somebody else's, with the package unpacked among its modules as npm does it. */
  let consumer = '';
  let packed: Packed;

  beforeAll(() => {
    program(); // throws where it was not built
    consumer = mkdtempSync(join(tmpdir(), 'lbtop-package-'));
    const { stdout } = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', consumer], root);
    // A list, or since npm 11 a table by name.
    packed = Object.values(JSON.parse(stdout) as Record<string, Packed>)[0] as Packed;
    const installed = join(consumer, 'node_modules/lbtop');
    mkdirSync(installed, { recursive: true });
    run('tar', ['-xzf', join(consumer, packed.filename), '-C', installed, '--strip-components=1'], consumer);
    // Only what it says that it needs is there.
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) link(name);
    writeFileSync(join(consumer, 'package.json'), '{"type":"module"}\n');
  });
  afterAll(() => rmSync(consumer, { recursive: true, force: true }));

  function link(name: string): void {
    const place = join(consumer, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), place);
  }

  function run(command: string, args: readonly string[], cwd: string): { stdout: string; stderr: string } {
    const env = { ...process.env, XDG_STATE_HOME: join(consumer, 'state'), XDG_CONFIG_HOME: join(consumer, 'config') };
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', input: '' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} exited ${status}: ${stdout}${stderr}`);
    return { stdout, stderr };
  }

  const lbtop = (...args: string[]): string =>
    run(process.execPath, [join(consumer, 'node_modules/lbtop/bin/lbtop.js'), ...args], consumer).stdout;

  test('has the program, its types, the pages and the licence, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of ['bin/lbtop.js', 'dist/cli.js', 'dist/source/client/index.d.ts', 'readme.md', 'license'])
      expect(paths).toContain(path);
    for (const path of ['changelog.md', 'lbtop.1', 'docs/protocol.md', 'examples/python-node/node.py'])
      expect(paths).toContain(path);
    for (const path of paths)
      expect(path).toMatch(
        /^(package\.json|lbtop\.1|readme\.md|license|changelog\.md|bin\/|dist\/(cli\.|source\/)|Dockerfile|compose\.yaml|docs\/|examples\/|packaging\/)/,
      );
    expect(paths.filter((path) => /\.map$|\.pyc$|\.test\./.test(path))).toEqual([]);
    expect(packed.size).toBeLessThan(1024 * 1024);
  });

  test('every file that its readme and changelog link to is in it, or is the source', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const page of ['readme.md', 'changelog.md']) {
      const text = readFileSync(join(consumer, 'node_modules/lbtop', page), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)\)/g)) {
        if (/^https?:|^source\//.test(target)) continue;
        expect(
          paths.some((path) => path === target || path.startsWith(`${target}/`)),
          target,
        ).toBe(true);
      }
    }
  });

  test('says its version and its help', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(lbtop('--version')).toBe(`${version}\n`);
    expect(lbtop('--help')).toContain('lbtop --coordinator');
    expect(readFileSync(join(root, 'changelog.md'), 'utf8')).toContain(`## ${version}`);
  });

  test('its demo runs as npx starts it: by a link in a directory with nothing else', { timeout: 120_000 }, () => {
    const place = join(consumer, 'node_modules/.bin/lbtop');
    mkdirSync(dirname(place));
    symlinkSync('../lbtop/bin/lbtop.js', place);
    expect(run(process.execPath, [place, '--demo'], consumer).stdout).toContain(
      'checksums agree with those computed here; nothing lost, nothing counted twice',
    );
  });

  test('is imported with its types', { timeout: 120_000 }, () => {
    link('@types/node');
    link('undici-types');
    writeFileSync(
      join(consumer, 'use.ts'),
      `import { connect, LbtopError, type Lbtop, type NodeRow } from 'lbtop';
export async function names(): Promise<string[]> {
  const fleet: Lbtop = await connect({ connect: '127.0.0.1:1', role: 'viewer' });
  const rows: NodeRow[] = await fleet.nodes();
  return rows.map(({ name }) => name);
}
// @ts-expect-error: a node does not connect by this.
export const wrong = connect({ role: 'node' });
export const isOurs = (error: unknown): boolean => error instanceof LbtopError;
`,
    );
    const flags = [
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'es2024,esnext.disposable',
      '--types',
      'node',
    ];
    const tsc = join(root, 'node_modules/.bin/tsc');
    run(tsc, ['--noEmit', '--strict', ...flags, 'use.ts'], consumer);
    const code = "import { connect } from 'lbtop'; console.log(typeof connect)";
    expect(run(process.execPath, ['--input-type=module', '-e', code], consumer).stdout).toBe('function\n');
  });
});
