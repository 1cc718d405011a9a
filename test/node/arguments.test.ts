import { expect, test } from 'vitest';
import { argumentsOf, shellWord } from '../../source/node/arguments.ts';

const one = { count: 1, first: 0, step: 1 };
const many = { count: 9, first: 1, step: 1 };

function argv(given: string[], item: string | null, index = 4, shell = false, span = many): string[] {
  return argumentsOf(
    {
      work: { kind: 'command', argv: given, shell, task: '', input: null },
      items: item === null ? 'none' : 'lines',
      span,
    },
    item,
    index,
  );
}

test.each([
  [['cat', '{}'], 'a', ['cat', 'a']],
  [['cat', '{}{}', '-{}-'], 'a b', ['cat', 'a ba b', '-a b-']],
  [['cat'], 'a b', ['cat', 'a b']],
  [['echo', '{#}'], 'a', ['echo', '4', 'a']],
  [['echo', '{#}:{}'], 'a', ['echo', '4:a']],
  [['echo', '{}'], '{#}{}', ['echo', '{#}{}']],
  [['echo', '{}'], '', ['echo', '']],
  [['{}'], '/bin/true', ['/bin/true']],
  [['echo', '{#}'], null, ['echo', '4']],
  [['find', '-exec', '{}'], null, ['find', '-exec', '{}']],
  [['echo', '{ }', '{##}', '{a}'], 'x', ['echo', '{ }', '{##}', '{a}', 'x']],
])('%j with %j', (given, item, expected) => {
  expect(argv(given, item)).toEqual(expected);
});

test('a job of one task without items is literal', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's own
  expect(argv(['bash', '-c', 'echo ${#}'], null, 0, false, one)).toEqual(['bash', '-c', 'echo ${#}']);
  expect(argv(['echo', '{#}'], 'x', 0, false, one)).toEqual(['echo', '0', 'x']);
});

test('in a shell the item is one word', () => {
  expect(argv(['wc -l {} | sort'], "it's $(id)", 4, true)).toEqual(['/bin/sh', '-c', `wc -l 'it'\\''s $(id)' | sort`]);
  expect(argv(['echo {#}'], 'plain-1.txt', 4, true)).toEqual(['/bin/sh', '-c', 'echo 4 plain-1.txt']);
  expect(shellWord('')).toBe("''");
});
