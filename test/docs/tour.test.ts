/** The readme's five minutes, its commands in their order; what goes on in a terminal of its own goes on beside. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf, runSession } from './shell-session.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../readme.md'), 'utf8');
const [twoCommands = '', ...tour] = blocksOf(page, 'sh');

/** A line as it is without terminals: a second coordinator comes when the first is ended, as on a reader's machine. */
function beside(line: string): string {
  if (line.startsWith('lbtop --coordinator'))
    return `kill $coordinator; wait $coordinator; ${line} --cpu-limit 100 > coordinator.log & coordinator=$!
until lbtop status > /dev/null 2>&1; do sleep 0.1; done`;
  const [, name] = /^lbtop --node --name (\w+)/.exec(line) ?? [];
  if (name !== undefined) return `${line} > ${name}.log &\n${joined(name)}`;
  // What it prints is run with what the page would have at its end, over another address than loopback. In two steps: what
  // this shell ends afterwards is then the node itself.
  if (line.startsWith('lbtop token create'))
    return `printed=$(${line})
eval "\${printed% && *}"
eval "\${printed##* && } --name two --slots 2 > two.log &"
${joined('two')}`;
  return line;
}

function joined(name: string): string {
  return `until lbtop nodes | grep -q '^${name} '; do sleep 0.1; done`;
}

test('it goes as the readme says', { timeout: 180_000 }, async () => {
  const lines = tour.join('').trimEnd().split('\n').map(beside);
  expect(lines.filter((line) => line.includes('&\n') || line.includes('& coordinator'))).toHaveLength(3);
  const { stdout, stderr } = await runSession(`coordinator=\n${lines.join('\n')}\necho "$printed"\n`);
  const said = stdout.split('\n');
  expect(said[0]).toBe('1'); // the job's id
  expect(said.filter((line) => line.startsWith('{"task":"1.'))).toHaveLength(2);
  expect(said).toContain('out');
  expect(stderr).toContain('err');
  expect(stderr).toMatch(/^node-\w+ holds until it is revoked: run this line on the new machine/m);
  expect(stdout).toMatch(/^\(umask 077; .* && lbtop --node --connect (?!127\.)\S+:\d+ --secret-file \S+$/m);
  expect(stdout).toMatch(/^session /m);
  expect(JSON.parse(said.findLast((line) => line.startsWith('{')) ?? '')).toHaveProperty('nodes');
});

test('the two commands are scripts of the package', () => {
  const { scripts } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(twoCommands.match(/npm (start|test)/g)).toEqual(['npm start', 'npm test']);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['start', 'test']));
});
