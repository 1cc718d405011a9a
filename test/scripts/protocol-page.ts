/** The tables of docs/protocol.md, made from the schemas that the program checks every message by. */
import { readFileSync } from 'node:fs';
import { jobSpecShape, spanShape, workShape } from '../../source/model/job.ts';
import { limits, liveness } from '../../source/model/limits.ts';
import { attemptShape, nodeInfoShape, outcomeShape, sampleShape } from '../../source/model/node.ts';
import {
  candidateShape,
  drainPreviewShape,
  eventLineShape,
  explanationShape,
  jobRowShape,
  nodeRowShape,
  pickShape,
  resultRowShape,
  statusShape,
  taskRowShape,
} from '../../source/model/report.ts';
import type { Shape } from '../../source/model/shape.ts';
import { encode } from '../../source/wire/codec.ts';
import { frameOf } from '../../source/wire/frame.ts';
import { roleKey } from '../../source/wire/keys.ts';
import { assignedTask, messages, roles } from '../../source/wire/messages.ts';
import { verbs } from '../../source/wire/verbs.ts';

const sourceOf = (path: string): string => readFileSync(new URL(`../../source/${path}`, import.meta.url), 'utf8');

interface Named {
  shape: Shape<unknown>;
  /** Where its fields' comments stand: the file, and the name that it has there. */
  file: string;
  constant: string;
}

/** Structs with a table of their own: their names stand in for them in other tables. */
const structs: Readonly<Record<string, Named>> = {
  attempt: { shape: attemptShape, file: 'model/node.ts', constant: 'attemptShape' },
  'assigned-task': { shape: assignedTask, file: 'wire/messages.ts', constant: 'assignedTask' },
  'node-info': { shape: nodeInfoShape, file: 'model/node.ts', constant: 'nodeInfoShape' },
  sample: { shape: sampleShape, file: 'model/node.ts', constant: 'sampleShape' },
  outcome: { shape: outcomeShape, file: 'model/node.ts', constant: 'outcomeShape' },
  'job-spec': { shape: jobSpecShape, file: 'model/job.ts', constant: 'jobSpecShape' },
  work: { shape: workShape, file: 'model/job.ts', constant: 'workShape' },
  span: { shape: spanShape, file: 'model/job.ts', constant: 'spanShape' },
  status: { shape: statusShape, file: 'model/report.ts', constant: 'statusShape' },
  'node-row': { shape: nodeRowShape, file: 'model/report.ts', constant: 'nodeRowShape' },
  'job-row': { shape: jobRowShape, file: 'model/report.ts', constant: 'jobRowShape' },
  'task-row': { shape: taskRowShape, file: 'model/report.ts', constant: 'taskRowShape' },
  'result-row': { shape: resultRowShape, file: 'model/report.ts', constant: 'resultRowShape' },
  pick: { shape: pickShape, file: 'model/report.ts', constant: 'pickShape' },
  explanation: { shape: explanationShape, file: 'model/report.ts', constant: 'explanationShape' },
  candidate: { shape: candidateShape, file: 'model/report.ts', constant: 'candidateShape' },
  'drain-preview': { shape: drainPreviewShape, file: 'model/report.ts', constant: 'drainPreviewShape' },
  'event-line': { shape: eventLineShape, file: 'model/report.ts', constant: 'eventLineShape' },
};

/** The largest first, so that a struct inside another is named in its table only. */
const longestFirst = Object.entries(structs).sort(([, a], [, b]) => b.shape.says.length - a.shape.says.length);

/** A shape in words, with the names of structs in place of their fields; a number's bound that none can pass is left out. */
function typeOf(shape: Shape<unknown>): string {
  let says = shape.says;
  for (const [name, { shape: struct }] of longestFirst) says = says.replaceAll(struct.says, name);
  return says
    .replaceAll(String(Number.MAX_SAFE_INTEGER), '2^53-1')
    .replaceAll(String(Number.MAX_VALUE), '')
    .replaceAll('by the verb', 'any');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => `\`${cell(text)}\``;

/** The comments on the fields of one block of a source, by name; those of more than one line in one. */
function commentsIn(block: string): Map<string, string> {
  const found = block.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'?([\w-]+)'?:/g);
  return new Map([...found].map(([, text = '', name = '']) => [name, text.replace(/\s*\n\s*\*?\s*/g, ' ').trim()]));
}

/** From the line that begins a declaration to the one that ends it. */
function blockOf(source: string, begin: string, end: string): string {
  const from = source.indexOf(begin);
  if (from === -1) throw new Error(`no ${begin}`);
  return source.slice(from, source.indexOf(end, from));
}

function unitOf(name: string): string {
  if (name.endsWith('Ms')) return 'ms';
  if (/Bytes$|^memory/.test(name)) return 'bytes';
  if (name === 'at' || name.endsWith('At')) return 'ms since the epoch';
  if (/^cpu(Ours)?$/.test(name)) return '% of the machine';
  return '';
}

function fieldRows(fields: Readonly<Record<string, Shape<unknown>>>, comments: Map<string, string>): string[] {
  return [
    '| field | type | unit | |',
    '| --- | --- | --- | --- |',
    ...Object.entries(fields).map(
      ([name, shape]) =>
        `| ${code(name)} | ${code(typeOf(shape))} | ${unitOf(name)} | ${cell(comments.get(name) ?? '')} |`,
    ),
  ];
}

/** Who says a message: by the numbers' tens, as messages.ts orders them. */
function speakerOf(number: number): string {
  if (number === 1) return 'the side that connected';
  if (number === 2) return 'the side that listens';
  if (number < 10) return 'either side';
  if (number < 30) return 'node';
  if (number < 50) return 'coordinator, to a node';
  return [50, 55, 56].includes(number) ? 'client' : 'coordinator, to a client';
}

function messageTables(): string {
  const source = blockOf(sourceOf('wire/messages.ts'), 'export const messages', '\n});');
  const parts = Object.entries(messages.kinds).map(([name, [number, fields]]) => {
    const comments = commentsIn(blockOf(source, `\n  ${name}: [`, '],\n'));
    return [`### ${number} \`${name}\``, '', `Said by: ${speakerOf(number)}.`, '', ...fieldRows(fields, comments)].join(
      '\n',
    );
  });
  return parts.join('\n\n');
}

function structTables(): string {
  const parts = Object.entries(structs).map(([name, { shape, file, constant }]) => {
    const comments = commentsIn(blockOf(sourceOf(file), `export const ${constant} = `, '\n});'));
    if (shape.fields === undefined) throw new Error(`${constant} is no struct`);
    return [`### \`${name}\``, '', ...fieldRows(shape.fields, comments)].join('\n');
  });
  return parts.join('\n\n');
}

function verbTable(): string {
  const comments = commentsIn(blockOf(sourceOf('wire/verbs.ts'), 'export const verbs', '\n} as const;'));
  return [
    '| verb | arguments | gives | who may | |',
    '| --- | --- | --- | --- | --- |',
    ...Object.entries(verbs).map(([name, { args, gives, streams, may }]) => {
      const given = `${streams ? 'a stream of ' : ''}${code(typeOf(gives))}`;
      return `| ${code(name)} | ${code(typeOf(args))} | ${given} | ${Object.keys(may).join(', ')} | ${cell(comments.get(name) ?? '')} |`;
    }),
  ].join('\n');
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/(?:..){1,32}/g, '$&\n')
    .trim();

/** Something to compare an implementation with: made by the program's own functions. */
function vectors(): string {
  const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
  const hello = {
    kind: 'hello',
    protocol: 'lbtop',
    min: 1,
    max: 1,
    role: 'node',
    who: 'ana@desk',
    version: '1',
  } as const;
  return [
    'Keys that follow from the secret `00 01 02 … 1f`:',
    '',
    '| role | key |',
    '| --- | --- |',
    ...roles.map((role) => `| ${code(role)} | ${code(roleKey(secret, role).toString('hex'))} |`),
    '',
    'The frame of one `hello`, `[1, "lbtop", 1, 1, "node", "ana@desk", "1"]`:',
    '',
    '```text',
    hex(frameOf(encode([hello]))),
    '```',
  ].join('\n');
}

/** The doc comment of messages.ts is the page's text on bytes and conversation. */
function conversation(): string {
  const [comment = ''] = /\/\*\*[\s\S]*?\*\//.exec(sourceOf('wire/messages.ts')) ?? [];
  const text = comment.replace(/^\/\*\*\n|\n \*\/$/g, '').replace(/^ \* ?/gm, '');
  return text
    .replace(/^# .*\n/, '')
    .replaceAll('(see endpoint.ts)', '(see above)')
    .replaceAll('a verb of verbs.ts', 'one of the verbs below')
    .replace(
      /^ {4}(length[\s\S]*?messages, 1\.\.65,536 of them)$/m,
      (block) => `\`\`\`text\n${block.replace(/^ {4}/gm, '')}\n\`\`\``,
    );
}

function limitRows(): string {
  const rows = [
    ['frame before `welcome`', `${limits.frameBytesBeforeWelcome} bytes`],
    ['frame after it', `${limits.frameBytes} bytes`],
    ['messages in a frame', limits.messagesPerFrame],
    ['from connecting to a whole `hello`', `${limits.helloMs} ms`],
    ['from the first byte of a frame to its last', `${limits.frameMs} ms`],
    ['peers without `welcome` at once', limits.unauthenticatedPeers],
    ['what waits for a peer that does not read', `${limits.peerBacklogBytes} bytes`],
    ['one piece of output', `${limits.outputPieceBytes} bytes`],
    ['output ahead of `stored`, each stream', `${limits.outputWindowBytes} bytes`],
    ['kept of each stream; a node says the rest as `cut`', `${limits.outputBytesPerStream} bytes`],
    ['heartbeats come every', `${liveness.heartbeatMs} ms`],
    ['silence until suspect, lost', `${liveness.suspectAfterMs} ms, ${liveness.lostAfterMs} ms`],
    ['a broken connection until lost', `${liveness.lostAfterDropMs} ms`],
  ];
  return ['| limit | |', '| --- | --- |', ...rows.map(([what, value]) => `| ${what} | ${value} |`)].join('\n');
}

/** The marked places of docs/protocol.md. */
export const protocolTables: Readonly<Record<string, () => string>> = {
  vectors,
  conversation,
  limits: limitRows,
  messages: messageTables,
  structs: structTables,
  verbs: verbTable,
};
