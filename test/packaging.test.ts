/** What others start the program with: the image, the compose file, the units. Checked as far as it goes without an engine. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../source/client/command-line.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const parsed = (argv: readonly string[], env: Record<string, string> = {}) =>
  parseCommandLine(argv, { env, settings: () => ({}) });

describe('the Dockerfile', () => {
  const instructions = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .trim()
    .split(/\n+/)
    .map((line): [name: string, rest: string] => {
      const [name = '', ...rest] = line.split(/\s+/);
      return [name, rest.join(' ')];
    });
  const all = (name: string): string[] => instructions.filter(([one]) => one === name).map(([, rest]) => rest);

  test('copies what is there and what .dockerignore lets through', () => {
    const open = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    const copied = all('COPY')
      .filter((rest) => !rest.startsWith('--from'))
      .flatMap((rest) => rest.split(' ').slice(0, -1));
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(open).toContain(`!${path}`);
    }
    const { include } = JSON.parse(read('tsconfig.build.json')) as { include: string[] };
    for (const path of include) expect(copied).toContain(path.split('/')[0]);
  });

  test('has every file of the package that the program reads', () => {
    const places = all('COPY').map((rest) => rest.split(' ').at(-1));
    for (const path of ['package.json', 'node_modules', 'dist', 'bin', 'license'])
      expect(places).toContain(`/app/${path}`);
  });

  test('ends in an image of the Node that the package wants, without tools, that is not root', () => {
    const stages = all('FROM');
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    for (const stage of stages) expect(stage).toMatch(new RegExp(`^node:${engines.node.replace('>=', '')}-`));
    expect(stages).toHaveLength(2);
    const last = instructions.slice(instructions.findLastIndex(([name]) => name === 'FROM'));
    const user = last.findIndex(([name]) => name === 'USER');
    expect(last[user]?.[1]).toBe('node');
    expect(last.slice(user).some(([name]) => name === 'RUN')).toBe(false);
    expect(last.some(([name, rest]) => name === 'RUN' && /npm|apt/.test(rest))).toBe(false);
    expect(all('ADD')).toEqual([]);
  });
});

interface Service {
  command: string[];
  environment: Record<string, string>;
  volumes: string[];
  healthcheck?: { test: string[] };
  deploy?: { replicas: number };
  read_only: boolean;
  cap_drop: string[];
}

/** Python's own reader of YAML: this machine may lack it. */
const yaml = spawnSync('python3', ['-c', 'import sys, json, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'], {
  input: read('compose.yaml'),
  encoding: 'utf8',
});

describe.skipIf(yaml.status !== 0 && /ENOENT|No module/.test(`${yaml.error}${yaml.stderr}`))('the compose file', () => {
  const file = (): { services: Record<string, Service>; volumes: object } => {
    expect(yaml.stderr).toBe('');
    return JSON.parse(yaml.stdout);
  };

  test('is a coordinator and three nodes, whose commands and variables the program takes', () => {
    const { coordinator, node } = file().services as { coordinator: Service; node: Service };
    expect(parsed(coordinator.command, coordinator.environment)).toMatchObject({
      mode: 'coordinator',
      flags: { host: '0.0.0.0', data: '/data', metrics: { host: '0.0.0.0', port: 9077 }, logFormat: 'json' },
    });
    expect(parsed(node.command, node.environment)).toMatchObject({
      mode: 'node',
      flags: {
        connect: [{ host: 'coordinator', port: 7077 }],
        metrics: { host: '0.0.0.0', port: 9078 },
        logFormat: 'json',
      },
    });
    expect(node.deploy?.replicas).toBe(3);
    expect(node.environment.LBTOP_SECRET_FILE).toBe(coordinator.environment.LBTOP_SECRET_FILE);
    const [, program, ...words] = coordinator.healthcheck?.test ?? [];
    expect([program, parsed(words).word]).toEqual(['lbtop', 'status']);
  });

  test('writes to volumes only, each of which is said and is in the image', () => {
    const { services, volumes } = file();
    const image = read('Dockerfile');
    for (const { volumes: mounted, read_only, cap_drop } of Object.values(services)) {
      expect([read_only, cap_drop]).toEqual([true, ['ALL']]);
      for (const mount of mounted) {
        const [name = '', place = name] = mount.split(':');
        if (place !== name) expect(Object.keys(volumes)).toContain(name);
        expect(image).toMatch(new RegExp(`install -d .*${place}\\b`));
      }
    }
  });
});

describe('the units', () => {
  const units = readdirSync(join(root, 'packaging/systemd'));

  test.each(units)('%s starts what there is', (unit) => {
    const [, line = ''] = /^ExecStart=\/usr\/local\/bin\/lbtop (.*)$/m.exec(read(`packaging/systemd/${unit}`)) ?? [];
    expect(parsed(line.split(' ')).mode).toBe(/lbtop-(\w+)\.service/.exec(unit)?.[1]);
  });

  test('systemd finds nothing wrong with them', ({ skip }) => {
    if (spawnSync('systemd-analyze', ['--version']).error !== undefined) skip('no systemd-analyze here');
    const directory = mkdtempSync(join(tmpdir(), 'lbtop-units-'));
    try {
      for (const unit of units) {
        // The program is not installed here, nor its page.
        const text = read(`packaging/systemd/${unit}`)
          .replace('/usr/local/bin/lbtop', process.execPath)
          .replace(/^Documentation=.*\n/m, '');
        writeFileSync(join(directory, unit), text);
        const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(directory, unit)], {
          encoding: 'utf8',
        });
        expect({ unit, status, stderr }).toEqual({ unit, status: 0, stderr: '' });
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
