import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../source/client/command-line.ts';
import { allFlags, modes, variableOf, wordNames } from '../../source/client/flags.ts';
import { helpFor } from '../../source/client/help.ts';
import { words } from '../../source/client/words.ts';

test('the overall help names every mode and word', () => {
  const help = helpFor(null);
  for (const mode of modes) expect(help).toContain(`lbtop --${mode}`);
  for (const word of wordNames) expect(help).toContain(`lbtop ${word}`);
});

describe.each(wordNames)('%s', (word) => {
  test('its help has its flags and an example that parses', () => {
    const help = helpFor(word);
    const { example, summary } = words[word];
    expect(help).toContain(summary);
    expect(help).toContain(`  ${example}\n`);
    for (const { name, row } of allFlags) {
      if (row.in.includes(word) && name !== 'version') expect(help).toContain(`--${name}`);
    }
    const argv = [...(example.split(' | ', 1)[0]?.matchAll(/'[^']*'|"[^"]*"|\S+/g) ?? [])]
      .map(([part]) => part.replace(/^['"]|['"]$/g, ''))
      .slice(1);
    expect(parseCommandLine(argv, { env: {}, settings: () => ({}) }).word).toBe(word);
  });

  test('its code can be loaded', async () => {
    expect(await words[word].load()).toBeTypeOf('function');
  });
});

test.each([null, ...wordNames])('the help of %s fits a terminal, and says the same there', (word) => {
  const whole = helpFor(word);
  const bare = (text: string) => text.replace(/\s+/g, ' ');
  for (const columns of [200, 100, 80, 60]) {
    const lines = helpFor(word, columns).split('\n');
    expect(bare(lines.join('\n'))).toBe(bare(whole));
    // An example is one line, to be copied.
    const tooLong = lines.filter((line) => line.length > columns && !line.startsWith('  lbtop '));
    expect(tooLong).toEqual([]);
  }
});

test('one name means one flag in each place, and one variable', () => {
  for (const context of [...modes, ...wordNames]) {
    const here = allFlags.filter(({ row }) => row.in.includes(context));
    const names = here.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const letters = here.flatMap(({ row }) => row.short ?? []);
    expect(new Set(letters).size).toBe(letters.length);
  }
  expect(variableOf('cpu-limit')).toBe('LBTOP_CPU_LIMIT');
});
