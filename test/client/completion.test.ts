import { execFileSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Candidate, complete, type Live } from '../../source/client/completion/candidates.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { policyNames } from '../../source/model/job.ts';
import { program, startCluster } from '../helpers/lbtop.ts';
import { noTerminal, openTerminal } from '../helpers/terminal.ts';
import { fakeCoordinator } from './fake-coordinator.ts';
import { lbtop } from './fake-io.ts';
import { jobRow } from './rows.ts';

const named = (...texts: string[]): Promise<Candidate[]> => Promise.resolve(texts.map((text) => ({ text, help: '' })));
const live: Live = {
  jobs: () => named('1', '12'),
  tasks: (job) => named(`${job}.0`, `${job}.1`),
  nodes: () => named('desk-1', 'desk-2', 'lap'),
};

/** What is offered, as texts; or its kind. */
async function offered(...typed: string[]): Promise<unknown> {
  const completion = await complete(typed, live);
  if (completion.kind === 'words') return completion.candidates.map(({ text }) => text);
  return completion.kind === 'command' ? `command ${completion.at}` : completion.kind;
}

test.each<[string[], unknown]>([
  [['su'], ['submit']],
  [['--co'], ['--coordinator']],
  [['--coordinator', '--head'], ['--headless']],
  [
    ['--coordinator', '--policy', 'r'],
    ['round-robin', 'random'],
  ],
  [
    ['--coordinator', '--policy=r'],
    ['--policy=round-robin', '--policy=random'],
  ],
  [['--coordinator', ''], []],
  [['submit', '--prio'], ['--priority']],
  [['submit', '--cwd', ''], 'files'],
  [['submit', '--cwd=/u'], 'files'],
  [
    ['submit', '--after', ''],
    ['1', '12'],
  ],
  [['submit', ''], 'command 1'],
  [['submit', '--cpus', '2', ''], 'command 3'],
  [['submit', '--cpus', '2', '--', 'ls', '-'], 'command 4'],
  [['run', 'ls', '-'], 'command 1'],
  [
    ['wait', ''],
    ['1', '12'],
  ],
  [['tasks', '1', ''], []],
  [
    ['logs', '1'],
    ['1', '12'],
  ],
  [
    ['logs', '12.'],
    ['12.0', '12.1'],
  ],
  [
    ['drain', 'desk-1', ''],
    ['desk-2', 'lap'],
  ],
  [['policy', ''], policyNames],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['--attach', '--demo', '--coord'], []],
  [['nosuch', ''], []],
])('%j', async (typed, wanted) => {
  expect(await offered(...typed)).toEqual(wanted);
});

test('what the scripts ask: kind, candidates and help, harmless for the terminal; nothing where nobody answers', async () => {
  const answers = { jobs: () => [jobRow({ job: 7, name: 'hash\x1b[2J', state: 'running' })] };
  expect((await lbtop(['completion', 'candidates', '--', 'wait', ''], fakeCoordinator(answers))).out).toBe(
    'words\n7\thash, running\n',
  );
  const silent = fakeCoordinator({
    jobs: () => {
      throw new LbtopError('refused', 'no');
    },
  });
  expect((await lbtop(['completion', 'candidates', '--', 'wait', ''], silent)).out).toBe('words\n');
});

test('a shell that is not known', async () => {
  const { code, err } = await lbtop(['completion', 'zs'], fakeCoordinator({}));
  expect([code, err]).toEqual([2, 'lbtop: no shell "zs": did you mean zsh? (known are bash, zsh, fish)\n']);
});

const shells: readonly [shell: string, args: string[], load: string][] = [
  ['bash', ['--norc', '--noprofile'], 'eval "$(lbtop completion bash)"'],
  ['zsh', ['-f'], 'eval "$(lbtop completion zsh)"'],
  ['fish', ['--no-config'], 'lbtop completion fish | source'],
];

test.for(shells)(
  'in a real %s: words, values after =, names of nodes, jobs and policies',
  { timeout: 60_000 },
  async ([shell, args, load], context) => {
    const missing = noTerminal() ?? whyNot(shell);
    if (missing !== null) return context.skip(missing);
    await using cluster = await startCluster(['birch']);
    const { job } = await cluster.json<{ job: number }>(['submit', '--', 'true']);
    const bin = join(cluster.directory, 'bin');
    await mkdir(bin);
    const [node, script] = program();
    await writeFile(join(bin, 'lbtop'), `#!/bin/sh\nexec '${node}' '${script}' "$@"\n`);
    await chmod(join(bin, 'lbtop'), 0o755);
    const { HOME = cluster.directory, ...environment } = cluster.fleet.environment as Record<string, string>;
    const terminal = openTerminal(shell, args, {
      columns: 100,
      cwd: cluster.directory,
      env: { ...environment, HOME, PATH: `${bin}:${process.env.PATH}`, PS1: 'ready$ ' },
    });
    try {
      // The question is built by the shell, so that its echo is not its answer.
      terminal.keys(`${load}; echo lo""aded\r`);
      await terminal.waitFor(/^loaded/m, 30_000);
      terminal.keys('lbtop res\t');
      await terminal.waitFor('lbtop resu');
      terminal.keys('\x15lbtop drain bi\t');
      await terminal.waitFor('lbtop drain birch');
      terminal.keys('\x15lbtop --coordinator --policy=earl\t');
      await terminal.waitFor('--policy=earliest-finish');
      terminal.keys('\x15lbtop policy part\t');
      await terminal.waitFor('lbtop policy partition');
      terminal.keys('\x15lbtop tasks \t');
      await terminal.waitFor(`lbtop tasks ${job}`);
    } finally {
      terminal.close();
    }
  },
);

function whyNot(shell: string): string | null {
  try {
    execFileSync(shell, ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return `${shell} is not there`;
  }
}
