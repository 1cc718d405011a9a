/** The interface on a real pseudo-terminal: real bytes, a real screen. Node does not run TSX: it is compiled first. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { descendants } from '../../source/node/process-stat.ts';
import { noTerminal, openTerminal, type TestTerminal } from '../helpers/terminal.ts';

const root = resolve(import.meta.dirname, '../..');
const why = noTerminal();
if (why !== null) console.warn(`skipped: the interface on a real terminal: ${why}`);

let folder = '';
const open: TestTerminal[] = [];

/** The interface over a made-up session. */
function start(
  args: readonly string[],
  size: { columns?: number; rows?: number } = {},
  env: Record<string, string> = {},
): TestTerminal {
  const terminal = openTerminal(process.execPath, [join(folder, 'test/ui/fixtures/demo.js'), ...args], {
    ...size,
    env,
    cwd: folder,
  });
  open.push(terminal);
  return terminal;
}

describe.skipIf(why !== null)('on a real terminal', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lbtop-ui-'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const compilerOptions = {
      noEmit: false,
      // Types are checked elsewhere; here they only go.
      noCheck: true,
      outDir: folder,
      rootDir: root,
      typeRoots: [join(root, 'node_modules/@types')],
    };
    const project = join(folder, 'tsconfig.json');
    const include = [join(root, 'test/ui/fixtures')];
    await writeFile(project, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include }));
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', project], { stdio: 'pipe' });
  });
  afterEach(() => {
    for (const terminal of open.splice(0)) terminal.close();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const restored = {
    alternateScreen: false,
    cursorHidden: false,
    wraparound: true,
    bracketedPaste: false,
    mouse: 'none',
  };

  test('shows the fleet, obeys keys, follows the size, and leaves the terminal as it was', async () => {
    const terminal = start(['6', '90']);
    await terminal.waitFor(/● node-01/);
    expect(terminal.modes().alternateScreen).toBe(true);
    expect(terminal.lines()[0]).toContain('least-load');
    expect(terminal.lines()[39]).toContain('q quit');

    terminal.keys('jj');
    await terminal.waitFor(/▌ . node-03/);
    terminal.keys('p');
    await terminal.waitFor(/▌ ‖ node-03.*paused by you@here/);
    terminal.keys('kd');
    await terminal.waitFor('drain 1 node');
    terminal.keys('\r');
    await terminal.waitFor(/[◐○] node-02.*drain(ing|ed)/);

    terminal.resize(80, 24);
    await terminal.waitFor(/^ cpu .* slots /m);
    expect(terminal.lines()[23]).not.toBe('');
    terminal.resize(40, 10);
    await terminal.waitFor(/^ lbtop {2}● .*\/s$/m);
    terminal.resize(120, 40);
    await terminal.waitFor('╭─ throughput');
    expect(terminal.lines()[39]).not.toBe('');

    terminal.keys('2');
    await terminal.waitFor('únicode-日本語');
    terminal.keys('q');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(terminal.modes()).toMatchObject(restored);
    expect(terminal.text()).toContain('ended: quit');
    expect(terminal.text()).not.toContain('node-01');
  });

  test('the mouse beside the keys, and none of it where it is not wanted', async () => {
    const terminal = start(['60', '30']);
    await terminal.waitFor(/▌ . node-01/);
    expect(terminal.modes().mouse).toBe('vt200');
    terminal.keys('j\x1b[<65;5;12Mj');
    await terminal.waitFor(/▌ . node-06/);
    const at = terminal.lines().findIndex((line) => line.includes('node-09'));
    terminal.keys(`\x1b[<0;10;${at + 1}M\x1b[<0;10;${at + 1}m`);
    await terminal.waitFor(/▌ . node-09/);
    terminal.keys(`\x1b[<0;10;${at + 1}M\x1b[<0;10;${at + 1}m`);
    await terminal.waitFor('› node-09');
    terminal.keys('q');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(terminal.modes()).toMatchObject(restored);

    const without = start(['6', '30'], {}, { LBTOP_MOUSE: '0' });
    await without.waitFor('node-01');
    expect(without.modes().mouse).toBe('none');
  });

  test('many resizes at once', async () => {
    const terminal = start(['40', '30']);
    await terminal.waitFor('node-01');
    // From 1 × 1 to 500 × 200.
    for (let i = 0; i < 1_000; i++) terminal.resize(1 + ((i * 37) % 500), 1 + ((i * 17) % 200));
    terminal.resize(500, 200);
    terminal.resize(1, 1);
    terminal.resize(100, 30);
    await terminal.waitFor(/^ lbtop {2}demo[\s\S]*q quit\s*$/);
    expect(terminal.lines()[29]).toContain('q quit');
    for (const line of terminal.lines()) expect(line.length).toBeLessThanOrEqual(100);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ])('%s gives the terminal back', async (signal, code) => {
    const terminal = start(['3', '10']);
    await terminal.waitFor('node-01');
    process.kill(terminal.pid, signal);
    expect((await terminal.exited).exitCode).toBe(code);
    expect(terminal.modes()).toMatchObject(restored);
  });

  test('a voice gets words, on the screen that there is', async () => {
    const terminal = start(['3', '10'], {}, { INK_SCREEN_READER: 'true' });
    await terminal.waitFor('● node-01 ');
    expect(terminal.modes().alternateScreen).toBe(false);
    expect(terminal.output).not.toMatch(/[\u2500-\u259f\u2800-\u28ff]/);
    terminal.keys('2');
    await terminal.waitFor('thumbnails');
    terminal.keys('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  test('Ctrl-Z gives the terminal back, fg takes it again', async () => {
    const terminal = openTerminal(
      'sh',
      [
        '-c',
        'set -m; "$@"; echo stopped; fg; echo over',
        'sh',
        process.execPath,
        join(folder, 'test/ui/fixtures/demo.js'),
        '3',
        '10',
        'slow-fg',
      ],
      { cwd: folder },
    );
    open.push(terminal);
    await terminal.waitFor('node-01');
    terminal.keys('\x1a');
    // The shell may bring it back before its words are seen on the screen.
    await expect.poll(() => terminal.output, { timeout: 20_000 }).toMatch(/stopped[\s\S]*\x1b\[\?1049h/);
    terminal.keys('j');
    await terminal.waitFor(/▌ . node-02/);
    terminal.keys('q');
    await terminal.waitFor('over');
    expect(terminal.modes()).toMatchObject(restored);
  });

  test('a fault gives the terminal back, and says what it was', async () => {
    const terminal = start(['3', '10', 'throw']);
    await terminal.waitFor('the interface failed: planted');
    expect((await terminal.exited).exitCode).toBe(1);
    expect(terminal.modes()).toMatchObject(restored);
  });

  test('a fault while drawing does so too', async () => {
    const terminal = start(['3', '10', 'draw']);
    await terminal.waitFor('the interface failed: planted');
    expect((await terminal.exited).exitCode).toBe(1);
    expect(terminal.modes()).toMatchObject(restored);
  });

  test.each<[how: string, args: string[], end: NodeJS.Signals | 'q' | null, code: number]>([
    ['q', [], 'q', 0],
    ['a fault', ['throw'], null, 1],
    ['a fault while drawing', ['draw'], null, 1],
    ['SIGTERM', [], 'SIGTERM', 143],
    ['SIGQUIT', [], 'SIGQUIT', 131],
    ['SIGHUP', [], 'SIGHUP', 129],
  ])('echo, lines and signals of the terminal are as before after %s', async (_how, args, end, code) => {
    const settings = `stty -g; "$@"; code=$?; stty -g; exit $code`;
    const demo = [process.execPath, join(folder, 'test/ui/fixtures/demo.js'), '3', '10', ...args];
    const terminal = openTerminal('sh', ['-c', settings, 'sh', ...demo], { columns: 200, cwd: folder });
    open.push(terminal);
    if (end !== null) {
      await terminal.waitFor('node-01');
      if (end === 'q') terminal.keys('q');
      else for (const pid of descendants(terminal.pid)) process.kill(pid, end);
    }
    expect((await terminal.exited).exitCode).toBe(code);
    const [before, after, ...more] = terminal.output.match(/[0-9a-f]+(?::[0-9a-f]+){20,}/g) ?? [];
    expect(before).toBeDefined();
    expect([after, more]).toEqual([before, []]);
    expect(terminal.modes()).toMatchObject(restored);
  });

  test('no colours where none are wanted, and none of what foreign text would do', async () => {
    const terminal = start(['3', '10', 'evil'], {}, { NO_COLOR: '1' });
    await terminal.waitFor('␛]52;c;aGk=␇');
    expect(terminal.output).not.toMatch(/\x1b\[(?:[0-9]*;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9]*)*m/);
    expect(terminal.output).not.toContain('\x1b]52');
    expect(terminal.output).not.toMatch(/[\u202a-\u202e]/);
    terminal.keys('q');
    await terminal.exited;
  });
});
