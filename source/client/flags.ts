/**
 * All flags of all modes and words, in one table: from it come the parser, the variables, the keys of the settings file,
 * the help and the types. A flag is a row: its key here in camelCase, its kind of value, where it may stand, its help.
 */
import { disciplineNames, policyNames } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { logFormats } from '../wire/log-line.ts';
import { roles } from '../wire/messages.ts';
import {
  address,
  amounts,
  choice,
  count,
  duration,
  engine,
  file,
  interval,
  jobs,
  jsonValue,
  matching,
  number,
  pairs,
  size,
  span,
  texts,
  toggle,
  type Value,
  type ValueOf,
  whereabouts,
  whereaboutsOrNone,
  words,
} from './values.ts';

/** What the process is: the flags that choose it. */
export const modes = ['coordinator', 'node', 'attach', 'replay', 'demo'] as const;
export type Mode = (typeof modes)[number];

/** What is asked of a running coordinator. */
export const wordNames = [
  'submit',
  'run',
  'wait',
  'jobs',
  'tasks',
  'nodes',
  'status',
  'logs',
  'results',
  'cancel',
  'retry',
  'purge',
  'pause',
  'drain',
  'resume',
  'throttle',
  'policy',
  'pick',
  'explain',
  'events',
  'simulate',
  'whatif',
  'trace',
  'token',
  'completion',
  'config',
] as const;
export type WordName = (typeof wordNames)[number];

/** Where a flag may stand. */
export type Context = Mode | WordName;

export interface FlagRow<T> {
  readonly value: Value<T>;
  readonly in: readonly Context[];
  /** What stands for the value in the help; '' where there is none. */
  readonly metavar: string;
  readonly help: string;
  /** The flag's name where it is not its key: two rows may share one if no context takes both. */
  readonly flag?: string;
  /** One letter. */
  readonly short?: string;
  /** Says what is to be done, so that only the command line may say it. */
  readonly typedOnly?: true;
}

type More = Omit<FlagRow<unknown>, 'value' | 'in' | 'metavar' | 'help'>;

function flag<T>(
  value: Value<T>,
  metavar: string,
  contexts: readonly Context[],
  help: string,
  more: More = {},
): FlagRow<T> {
  return { value, in: contexts, metavar, help, ...more };
}

const everywhere: readonly Context[] = [...modes, ...wordNames];
const protectedBy: readonly Context[] = ['coordinator', 'node', 'attach', ...wordNames];
const submitting = ['submit', 'run'] as const;
const operating = ['pause', 'drain', 'resume', 'throttle'] as const;
const coordinator = ['coordinator'] as const;
const node = ['node'] as const;
const simulate = ['simulate'] as const;
const trace = ['trace'] as const;
const whatif = ['whatif'] as const;
const token = ['token'] as const;
const tables = ['jobs', 'tasks', 'nodes'] as const;
const typed = { typedOnly: true } as const;

export const flagTable = {
  coordinator: flag(toggle, '', coordinator, 'own the queue and place the work', typed),
  node: flag(toggle, '', node, 'run tasks on this machine', typed),
  attach: flag(whereaboutsOrNone, '[HOST:PORT]', ['attach'], 'only the interface, on a running coordinator', typed),
  replay: flag(file, 'FILE|DIR', ['replay'], 'the interface on a recorded session, or on a data directory', typed),
  demo: flag(toggle, '', ['demo'], 'a whole small fleet on this machine', typed),

  connect: flag(
    whereabouts,
    'HOST:PORT',
    ['node', 'attach', ...wordNames],
    'the coordinator: one of HOST:PORT,HOST:PORT…, or the one that leads in etcd://HOST:2379,… (default: the one that runs here)',
  ),
  secretFile: flag(
    file,
    'FILE',
    protectedBy,
    "the coordinator's secret, or a token that it made (default: in the state directory)",
  ),
  tlsCa: flag(file, 'FILE', protectedBy, 'certificates instead of the secret: who signed those that are trusted'),
  tlsCert: flag(file, 'FILE', protectedBy, 'our certificate: CN is the name, OU the role, or coordinator'),
  tlsKey: flag(file, 'FILE', protectedBy, "the certificate's key"),
  json: flag(toggle, '', ['replay', ...wordNames], 'print JSON: one value, or one a line where it is a stream'),

  host: flag(words(256), 'HOST', coordinator, 'listen on this address (default 127.0.0.1)'),
  port: flag(count(0, 65_535), 'PORT', coordinator, 'listen on this port (default 7077; 0: any)'),
  policy: flag(choice(policyNames), 'NAME', coordinator, 'which node a task goes to (default least-load)'),
  queue: flag(choice(disciplineNames), 'NAME', ['coordinator', 'policy'], 'which task is next: fifo, easy or sjbf'),
  data: flag(file, 'DIR', coordinator, 'durable state (default: in the state directory; none: in memory)'),
  forceOlderData: flag(toggle, '', coordinator, 'go on with data that are an older copy', typed),
  purgeAfter: flag(
    duration,
    'DURATION',
    coordinator,
    'forget jobs, with their output, so long after their end (default: never for their age)',
  ),
  keepTasks: flag(
    count(0, Number.MAX_SAFE_INTEGER),
    'N',
    coordinator,
    'forget the oldest ended jobs where they have more tasks than this together (default 10000000)',
  ),
  record: flag(file, 'FILE', coordinator, 'record the session into this file; a recording that is there goes on'),
  headless: flag(toggle, '', coordinator, 'log lines instead of the interface'),
  logFormat: flag(
    choice(logFormats),
    'text|json',
    ['coordinator', 'node'],
    'log lines as text, or as an object of JSON each (default text)',
  ),
  store: flag(engine, 'URL', coordinator, 'durable state in an engine: etcd://HOST:2379,HOST:2379'),
  standby: flag(toggle, '', coordinator, 'with --store: wait to take over from the coordinator that leads'),
  metrics: flag(
    address,
    'HOST:PORT',
    ['coordinator', 'node'],
    'serve metrics for Prometheus there, at /metrics (port 0: any)',
  ),
  cpuLimit: flag(
    number(1, 100),
    'PERCENT',
    ['coordinator', 'node'],
    'place nothing on a node whose CPU is above this (default 80)',
  ),

  nodeName: flag(
    matching('letters, digits, dot, underscore, minus, at most 64', /^[A-Za-z0-9._-]{1,64}$/),
    'NAME',
    node,
    'its name (default: the host name)',
    { flag: 'name' },
  ),
  slots: flag(count(1, limits.slots), 'N', node, 'tasks at once (default: one per CPU core)'),
  label: flag(pairs('KEY=VALUE'), 'KEY=VALUE', node, 'a label that --on chooses by (repeatable)'),
  throttle: flag(number(0.05, 1), 'SHARE', node, 'the share of time that its tasks may run, 0.05 to 1 (default 1)'),
  onCoordinatorLost: flag(
    choice(['finish', 'kill']),
    'finish|kill',
    node,
    'what becomes of running tasks without coordinator (default finish)',
  ),
  handlers: flag(file, 'FILE', node, 'what exports JavaScript task handlers by name'),
  listen: flag(address, 'HOST:PORT', node, 'take tasks directly from clients (port 0: any)'),
  allow: flag(
    texts,
    'PATTERN',
    node,
    "run only commands like this: 'make', 'git pull *', '/opt/render/*' (repeatable)",
  ),
  runAs: flag(
    words(limits.nameLength),
    'USER',
    node,
    'the account whose processes its tasks are; the node must be root',
  ),
  workRoot: flag(file, 'DIR', node, 'start tasks in this directory or below it, and nowhere else'),

  owner: flag(toggle, '', ['attach'], 'as the interface of the coordinator itself: q ends that too', typed),
  readOnly: flag(toggle, '', ['attach'], 'without the keys that change something'),

  name: flag(words(limits.reasonLength), 'NAME', submitting, "the job's name (default: the command's)"),
  array: flag(span, 'A-B[:STEP]', submitting, 'a task for each number'),
  eachLine: flag(file, 'FILE', submitting, 'a task for each line (-: standard input); {} is the line, {#} the index'),
  eachJson: flag(file, 'FILE', submitting, 'a task for each element of a JSON array, or for each line of JSON'),
  task: flag(
    words(limits.nameLength),
    'NAME',
    submitting,
    'a task by name instead of a command: sleep, sum-up, factorize, increment, noop',
  ),
  input: flag(jsonValue, 'JSON', submitting, 'the input of --task'),
  shell: flag(toggle, '', submitting, 'the command is one string for sh -c'),
  cpus: flag(number(0.01, 65_536), 'N', submitting, 'slots that a task takes (default 1)'),
  memory: flag(size, 'SIZE', submitting, 'memory that a task needs'),
  resource: flag(
    amounts,
    'NAME=N',
    ['node', ...submitting],
    'of a countable thing: what a node has, what a task needs (repeatable)',
  ),
  on: flag(pairs('LABEL=VALUE'), 'LABEL=VALUE', submitting, 'only on nodes with this label (repeatable)'),
  priority: flag(count(-limits.priority, limits.priority), 'N', submitting, 'higher goes first (default 0)'),
  retries: flag(count(0, limits.attempts), 'N', submitting, 'tries again of a task that failed (default 0)'),
  backoff: flag(duration, 'DURATION', submitting, 'wait before the first of them, doubled each time (default 1s)'),
  noRetry: flag(toggle, '', submitting, 'never start a task twice, even if its node is lost'),
  timeout: flag(duration, 'DURATION', submitting, 'end a task that runs longer'),
  after: flag(jobs, 'JOB[,JOB]', submitting, 'start when these jobs have succeeded'),
  maxFails: flag(count(0, limits.tasksPerJob), 'N', submitting, 'cancel the rest when more than N tasks have failed'),
  limit: flag(count(1, limits.tasksPerJob), 'N', submitting, 'at most N of its tasks at once'),
  key: flag(words(limits.keyLength), 'KEY', submitting, 'the same key twice is one job'),
  env: flag(pairs('KEY=VALUE'), 'KEY=VALUE', submitting, 'a variable of the tasks (repeatable)'),
  cwd: flag(
    file,
    'DIR',
    submitting,
    "where the tasks run (default: this directory on a local coordinator, else the node's)",
  ),
  stdin: flag(file, 'FILE', submitting, 'what each task reads as standard input (-: ours)'),
  wait: flag(toggle, '', ['submit', 'drain'], 'return when it is done'),
  direct: flag(toggle, '', ['run'], 'ask for a node and take the task there'),

  tableFormat: flag(choice(['table', 'json', 'csv']), 'FORMAT', tables, 'table, json or csv (default table)', {
    flag: 'format',
    ...typed,
  }),
  watch: flag(
    interval,
    '[DURATION]',
    [...tables, 'status'],
    'again and again, every 2 s or as often as said, until Ctrl-C',
    typed,
  ),

  reconnect: flag(
    duration,
    'DURATION',
    [...submitting, 'wait', ...tables, 'status', 'logs', 'results', 'drain', 'events'],
    'how long to try again where the coordinator goes away meanwhile (default 2m; 0: not at all)',
  ),
  follow: flag(toggle, '', ['logs', 'events'], 'go on as it comes', { short: 'f' }),
  raw: flag(toggle, '', ['logs'], 'bytes as they are, on a terminal too'),
  last: flag(count(0, limits.eventsKept), 'N', ['events'], 'begin with the last N'),
  failed: flag(toggle, '', ['retry'], 'only the tasks that failed'),

  role: flag(choice(roles), 'ROLE', token, 'what its holder may do: node, submitter, operator or viewer', typed),
  ttl: flag(
    duration,
    'DURATION',
    token,
    'how long it holds (default: until it is revoked); of rotate: the old secret (default 24h)',
    typed,
  ),
  tokenName: flag(
    matching('letters, digits, dot, underscore, minus, at most 64', /^[A-Za-z0-9._-]{1,64}$/),
    'NAME',
    token,
    'who it is for: what its holder goes by in logs and as owner of jobs',
    { flag: 'name', ...typed },
  ),

  all: flag(toggle, '', operating, 'all nodes'),
  reason: flag(words(limits.reasonLength), 'TEXT', ['pause', 'drain', 'resume'], 'why, for those who see it later'),
  now: flag(toggle, '', ['drain'], 'stop what runs there and queue it again'),
  deadline: flag(duration, 'DURATION', ['drain'], 'stop what still runs there after this'),
  preview: flag(toggle, '', ['drain'], 'only tell what would happen'),
  simulatedNodes: flag(count(1, limits.nodes), 'N', simulate, 'so many nodes (default 10)', {
    flag: 'nodes',
    ...typed,
  }),
  simulatedSlots: flag(
    count(1, limits.slots),
    'N',
    simulate,
    'tasks at once: of each node (default 1), of the whole machine with --swf',
    { flag: 'slots', ...typed },
  ),
  policies: flag(words(256), 'A[,B…]', ['simulate', 'whatif'], 'policies to compare (default least-load)', {
    flag: 'policy',
    ...typed,
  }),
  queues: flag(words(64), 'A[,B…]', simulate, 'queue disciplines to compare (default fifo)', {
    flag: 'queue',
    ...typed,
  }),
  arrivals: flag(words(64), 'LAW', simulate, 'poisson:RATE, constant:RATE (tasks a second) or batch (default batch)'),
  service: flag(
    words(64),
    'LAW',
    simulate,
    'exp:MEAN, constant:MEAN or pareto:MEAN,ALPHA,MAX, in seconds (default exp:1)',
  ),
  simulatedTasks: flag(count(1, limits.tasksPerJob), 'N', simulate, 'so many tasks (default 10000)', { flag: 'tasks' }),
  seed: flag(count(0, Number.MAX_SAFE_INTEGER), 'S', simulate, 'the same seed gives the same run (default 1)'),
  reportAge: flag(duration, 'T', simulate, 'load reports are at most this old (default 0: exact)'),
  speeds: flag(
    words(limits.textLength),
    '1,1,0.5…',
    simulate,
    'of the nodes, again from the first where there are fewer (default 1)',
  ),
  queueing: flag(
    choice(['central', 'node']),
    'central|node',
    simulate,
    'tasks wait at the coordinator or at the nodes (default central)',
  ),
  warmup: flag(count(0, limits.tasksPerJob), 'N', simulate, 'leave the first N tasks out of the figures (default 0)'),
  failures: flag(number(0, 1_000), 'RATE', simulate, 'of each node, a second; it is back after 10 s (default 0)'),
  swf: flag(file, 'FILE', simulate, 'jobs of a log in the Standard Workload Format'),
  estimates: flag(
    choice(['request', 'actual']),
    'request|actual',
    simulate,
    'by what easy and sjbf plan (default request)',
  ),
  jobsOut: flag(file, 'FILE', simulate, 'write job,submit,start,end,slots of each job there'),

  format: flag(choice(['jsonl', 'perfetto', 'cast']), 'FORMAT', trace, 'of an export: jsonl, perfetto or cast', typed),
  redact: flag(
    toggle,
    '',
    trace,
    'export without commands, names, variables, hosts and outputs; the same becomes the same word',
    typed,
  ),
  recorded: flag(file, 'FILE|DIR', ['explain'], 'of a recorded session, or of a data directory, at its end', {
    flag: 'replay',
    ...typed,
  }),
  addNodes: flag(count(0, limits.nodes), 'N', whatif, 'with so many nodes more, like those that were there', typed),
  whatifCpuLimit: flag(number(1, 100), 'PERCENT', whatif, 'with another CPU limit', { flag: 'cpu-limit', ...typed }),
  assert: flag(
    words(limits.textLength),
    'EXPR',
    whatif,
    'exit 1 unless this holds for each policy: makespan<120, p99Wait<=2, meanWait<recorded',
    typed,
  ),

  pauseQueue: flag(toggle, '', ['pause', 'resume'], 'the whole queue instead of nodes', {
    flag: 'queue',
    typedOnly: true,
  }),

  help: flag(toggle, '', everywhere, 'this help; after a word, the help of that word', { short: 'h', typedOnly: true }),
  version: flag(toggle, '', everywhere, 'the version', { short: 'V', typedOnly: true }),
} as const satisfies Record<string, FlagRow<never> | FlagRow<unknown>>;

export type FlagKey = keyof typeof flagTable;

/** Values of flags, by key; those that nobody gave are absent. */
export type Flags = { -readonly [K in FlagKey]?: ValueOf<(typeof flagTable)[K]['value']> };

/** A row with its names. */
export interface NamedFlag {
  readonly key: FlagKey;
  /** Without dashes: `cpu-limit`. */
  readonly name: string;
  readonly row: FlagRow<unknown>;
}

/** All rows in the order of the table. */
export const allFlags: readonly NamedFlag[] = (Object.entries(flagTable) as [FlagKey, FlagRow<unknown>][]).map(
  ([key, row]) => ({
    key,
    row,
    name: row.flag ?? kebab(key),
  }),
);

/** The variable of a flag: `LBTOP_CPU_LIMIT`. */
export function variableOf(name: string): string {
  return `LBTOP_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** A flag's name as a key of the settings file: `cpuLimit`. */
export function settingOf(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
