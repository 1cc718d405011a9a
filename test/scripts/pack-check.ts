/**
 * `npm run pack-check`: packs the package, installs it in an empty directory and for a whole machine, without a compiler, and
 * uses it there: under this Node, and under Node 26 (others: `npm run pack-check -- 25 26`). Needs the registry.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const directory = mkdtempSync(join(tmpdir(), 'lbtop-pack-'));
const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('LBTOP_') && !/^npm_/i.test(name));
const env: NodeJS.ProcessEnv = {
  ...Object.fromEntries(kept),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  XDG_STATE_HOME: join(directory, 'state'),
  XDG_CONFIG_HOME: join(directory, 'config'),
  // Whatever wants to be compiled fails.
  CC: '/bin/false',
  CXX: '/bin/false',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_loglevel: 'error',
};
const mostMs = 180_000;

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    input: '',
    timeout: mostMs,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} exited ${status}: ${error ?? ''}${stdout}${stderr}`);
  return stdout.trimEnd();
}

function check(what: string, holds: boolean): void {
  if (!holds) throw new Error(what);
  console.log(`ok  ${what}`);
}

const demo = 'nothing lost, nothing counted twice';

/** Asks a coordinator how it is, as often as it takes to have met a moment without other work; returns the best, in ms. */
async function statusMs(node: string, cli: string): Promise<number> {
  const coordinator = spawn(node, [cli, '--coordinator', '--headless', '--data', 'none', '--port', '0'], { env });
  try {
    await once(coordinator.stdout, 'data');
    const times = Array.from({ length: 20 }, () => {
      const began = performance.now();
      run(directory, node, cli, 'status');
      return performance.now() - began;
    });
    return Math.min(...times);
  } finally {
    coordinator.kill();
    await once(coordinator, 'exit');
  }
}

async function checkStatus(under: string, node: string, cli: string): Promise<void> {
  const ms = await statusMs(node, cli);
  check(`${under}lbtop status takes ${Math.round(ms)} ms, less than 150`, ms < 150);
}

try {
  run(root, 'npm', 'pack', '--ignore-scripts', '--pack-destination', directory);
  const [packed = ''] = readdirSync(directory).filter((file) => file.endsWith('.tgz'));
  const tarball = join(directory, packed);
  check(
    `${packed}: ${Math.ceil(statSync(tarball).size / 1024)} KiB, less than a megabyte`,
    statSync(tarball).size < 1 << 20,
  );

  const empty = join(directory, 'empty');
  mkdirSync(empty);
  writeFileSync(join(empty, 'package.json'), '{"private":true}\n');
  run(empty, 'npm', 'install', tarball);
  const version = run(empty, 'npx', 'lbtop', '--version');
  check(`npx lbtop --version says ${version}`, packed === `lbtop-${version}.tgz`);
  check('npx lbtop --demo runs to its end', run(empty, 'npx', 'lbtop', '--demo').includes(demo));
  const cli = join(empty, 'node_modules/lbtop/bin/lbtop.js');
  await checkStatus('', process.execPath, cli);
  const imported = run(
    empty,
    'node',
    '--input-type=module',
    '-e',
    "console.log(typeof (await import('lbtop')).connect)",
  );
  check('the library is imported', imported === 'function');

  const machine = join(directory, 'machine');
  run(directory, 'npm', 'install', '--global', '--prefix', machine, tarball);
  check('lbtop is a command', run(directory, join(machine, 'bin/lbtop'), '--version') === version);
  check('man finds its page', existsSync(join(machine, 'share/man/man1/lbtop.1')));

  const others = process.argv.slice(2);
  for (const wanted of others.length > 0 ? others : ['26']) {
    const other = join(directory, `node-${wanted}`);
    mkdirSync(other);
    // Its install script puts the program in place.
    writeFileSync(join(other, 'package.json'), '{"private":true,"allowScripts":{"node":true}}\n');
    run(other, 'npm', 'install', `node@${wanted}`);
    const node = join(other, 'node_modules/node/bin/node');
    const found = run(other, node, '--version');
    check(`under Node ${found}: --version`, run(other, node, cli, '--version') === version);
    check(`under Node ${found}: --demo`, run(other, node, cli, '--demo').includes(demo));
    await checkStatus(`under Node ${found}: `, node, cli);
  }
} finally {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
