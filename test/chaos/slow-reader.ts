/**
 * Peers with the right key that stop reading, while the coordinator works: interfaces, submitters that asked for much
 * output, clients that ask and ask, nodes. Some only stop, as a program that is held (SIGSTOP) does; some go on to say that
 * they have read what they have not. Each has to cost little or be cut off, and the work has to go on beside them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, connectClient } from '../../source/client/client.ts';
import { places, readCoordinatorFile } from '../../source/client/places.ts';
import { jobSpec } from '../../source/model/job.ts';
import type { ResultRow } from '../../source/model/report.ts';
import { processMemory, processStat } from '../../source/node/process-stat.ts';
import { lookAt, lookShape } from '../../source/view/look.ts';
import type { Message } from '../../source/wire/messages.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { type VerbArgs, type VerbName, verbs } from '../../source/wire/verbs.ts';
import { nodeInfo } from '../bench/loopback-node.ts';
import { type Cluster, program, startCluster, until } from '../helpers/lbtop.ts';
import { noTerminal, openTerminal } from '../helpers/terminal.ts';
import { judge, ledgerCommand } from './ledger.ts';
import { withLittleHeap } from './little-heap.ts';
import { type RawPeerOptions, rawPeer } from './raw-peer.ts';

export interface Pace {
  perSecond: number;
  /** Of the coordinator, for each task. */
  cpuMs: number;
}

export interface SlowReaders {
  /** Peers that stay connected: how many, and how many were there at the end. */
  staying: number;
  stayed: number;
  /** The coordinator's memory with them, above that without, at its most. */
  stayingBytes: number;
  /** Without and with those, in turn. */
  quiet: Pace[];
  beside: Pace[];
  /** Nodes that do not read what they are to do: how many, and how many the log says were cut off for that. */
  nodes: number;
  cutOff: number;
  /** The coordinator's memory with them, above that before, at its most. */
  nodesBytes: number;
  /** The longest that `status` took meanwhile. */
  slowestMs: number;
  /** What became of the work. */
  lost: number;
  counted: number;
  restarted: number;
  runAgain: number;
}

interface Sizes {
  /** Of each kind. */
  each: number;
  /** Real programs, held. */
  held: number;
  rounds: number;
  tasks: number;
}

const outputBytes = 64 * 1024 * 1024;
const streamsEach = 8;
const pageRows = 10_000;
const pagesEach = 12;
/** A job's input: each node gets it before the first task of the job. */
const stdinBytes = 4 * 1024 * 1024;
const lookMs = 50;
/** Enough for the pages that are asked for: they are made as rows first. */
const heapMebibytes = 128;
/** Of a processor. */
const settledShare = 0.3;
/** Of a request that no other has. */
const lastId = 1e9;

/** A request as it travels. */
function request<V extends VerbName>(id: number, verb: V, args: VerbArgs<V>): Message {
  const shape = verbs[verb].args as { pack(value: unknown): unknown };
  return { kind: 'request', id, verb, args: shape.pack(args) };
}

/** Lets so many peers of each kind stop reading. */
export async function slowReaders({ each, held, rounds, tasks }: Sizes): Promise<SlowReaders> {
  let cutOff = 0;
  const log = (line: string): void => {
    if (/ cut off: (node|submitter|viewer) \S+: the peer does not read/.test(line)) cutOff += 1;
  };
  await using cluster = await withLittleHeap(() => startCluster([], undefined, { durable: true, log }), heapMebibytes);
  const { host, port, secretFile, environment } = cluster.fleet;
  const secret = await loadSecret(secretFile);
  const at = { host, port, secret };
  const pid = readCoordinatorFile(places(environment).coordinatorFile)?.pid as number;
  cluster.fleet.startNode('real', ['--slots', '4', '--label', 'real=yes', '--label', 'either=yes']);
  await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === 1);
  const operator = await connectClient({ ...at, role: 'operator', who: 'trial', timeoutMs: 60_000 });
  const talker = await connectClient({ ...at, role: 'submitter', who: 'talker', timeoutMs: 60_000 });
  const watching = watchCoordinator(pid, operator);
  // One interface is there all the time, and reads: what the coordinator keeps for any is no cost of those that do not.
  const look = lookShape.pack(lookAt('nodes'));
  const over = new AbortController();
  const seeing = operator.stream('watch', { look, rateHz: 4 }, () => {}, over.signal);
  try {
    const loud = await submitAndWait(talker, ['head', '-c', String(outputBytes), '/dev/zero']);
    const many = (await operator.request('submit', { spec: noops(pageRows, 'nobody=here'), upload: null })).job;
    await pace(operator, pid, tasks); // warm

    const quiet: Pace[] = [];
    const beside: Pace[] = [];
    let [staying, stayed, stayingBytes] = [0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      quiet.push(await pace(operator, pid, tasks));
      const before = watching.restart();
      const programs = await heldPrograms(cluster, loud, held);
      const peers = [
        ...Array.from({ length: each }, () => interfaceThatStops(at, false)),
        ...Array.from({ length: each }, () => interfaceThatStops(at, true)),
        ...Array.from({ length: each }, () => readerThatStops(at, loud)),
        ...Array.from({ length: each }, () => askerThatStops(at, many)),
      ];
      await Promise.all(peers.map(({ stopped }) => stopped));
      await watching.settled(); // what fits on the way to them has left
      for (const peer of peers) peer.rest();
      beside.push(await pace(operator, pid, tasks));
      staying += peers.length + programs.length;
      stayingBytes = Math.max(stayingBytes, watching.most - before);
      for (const one of [...peers, ...programs]) {
        if (await one.goesOn()) stayed += 1;
        one.close();
      }
    }

    // Of what a node is to do nothing is left out. The jobs lie there before memory is looked at, so that it is theirs alone.
    const ledger = join(cluster.directory, 'ledger');
    writeFileSync(ledger, '');
    await operator.request('pause-queue', { paused: true, reason: 'trial' });
    const nodes = Array.from({ length: each }, (_, i) => nodeThatStops(at, `deaf-${i}`));
    await Promise.all(nodes.map(({ stopped }) => stopped));
    const work = workFor(operator, ledger, each * 4);
    for (let i = 0; i < 8; i++) await work.more();
    const before = watching.restart();
    await operator.request('pause-queue', { paused: false, reason: '' });
    await until(() => nodes.every((one) => one.gone()));
    const nodesBytes = watching.most - before;
    await operator.stream('wait', { jobs: work.jobs }, () => {});
    await until(() => cutOff >= nodes.length);

    const rows: ResultRow[] = [];
    for (const job of work.jobs) rows.push(...(await operator.request('results', { job, from: 0, count: pageRows })));
    const { wrong: _, ...judged } = judge(rows, readFileSync(ledger, 'utf8'), work.tasks());
    const counts = { staying, stayed, stayingBytes, quiet, beside, nodes: nodes.length, cutOff };
    return { ...counts, nodesBytes, slowestMs: watching.slowestMs, ...judged };
  } finally {
    over.abort();
    await seeing;
    await watching.close();
    operator.close();
    talker.close();
  }
}

/** Looks at the memory of the coordinator, and asks it for its state, all the time. */
function watchCoordinator(pid: number, client: Client) {
  const seen = { most: 0, slowestMs: 0, over: false };
  const resident = (): number => processMemory(pid)?.residentBytes ?? Number.NaN;
  const looking = (async () => {
    while (!seen.over) {
      const asked = performance.now();
      await client.request('status', {});
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - asked);
      seen.most = Math.max(seen.most, resident());
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  })();
  return {
    get most() {
      return seen.most;
    },
    get slowestMs() {
      return seen.slowestMs;
    },
    /** Resolves when it has little to do. */
    async settled(): Promise<void> {
      for (let share = 1; share > settledShare; ) {
        const [cpuMs, began] = [processStat(pid)?.ownMs ?? Number.NaN, performance.now()];
        await new Promise((resolve) => setTimeout(resolve, 500));
        share = ((processStat(pid)?.ownMs ?? Number.NaN) - cpuMs) / (performance.now() - began);
      }
    },
    /** Returns what it takes now; `most` counts from here on. */
    restart(): number {
      seen.most = resident();
      return seen.most;
    },
    close() {
      seen.over = true;
      return looking;
    },
  };
}

const noops = (count: number, on: string) =>
  jobSpec({
    work: { kind: 'task', argv: [], shell: false, task: 'noop', input: null },
    span: { count, first: 0, step: 1 },
    labels: Object.fromEntries([on.split('=')]),
  });

/** Runs a job of so many tasks at the real node. */
async function pace(client: Client, pid: number, tasks: number): Promise<Pace> {
  const began = performance.now();
  const before = processStat(pid)?.ownMs ?? Number.NaN;
  const { job } = await client.request('submit', { spec: noops(tasks, 'real=yes'), upload: null });
  await client.stream('wait', { jobs: [job] }, () => {});
  const [row] = await client.request('jobs', { from: job, count: 1 });
  if (row?.succeeded !== tasks) throw new Error(`${row?.succeeded} of ${tasks} tasks succeeded`);
  const cpuMs = ((processStat(pid)?.ownMs ?? Number.NaN) - before) / tasks;
  return { perSecond: tasks / ((performance.now() - began) / 1_000), cpuMs };
}

async function submitAndWait(client: Client, argv: string[]): Promise<number> {
  const spec = jobSpec({ work: { kind: 'command', argv, shell: false, task: '', input: null } });
  const { job } = await client.request('submit', { spec, upload: null });
  await client.stream('wait', { jobs: [job] }, () => {});
  return job;
}

/** One that reads no more. */
interface Stopped {
  /** Reads again; resolves with whether it is served as before. */
  goesOn(): Promise<boolean>;
  close(): void;
}

interface SlowPeer extends Stopped {
  /** Resolves when it has what it asked for, and reads no more. */
  stopped: Promise<void>;
  gone(): boolean;
  /** Says little from now on. */
  rest(): void;
}

interface At {
  host: string;
  port: number;
  secret: Buffer;
}

/**
 * Dials as this role; says `first` when it is welcome, and reads until a message of the kind `last` has come. From then on it
 * only says what `more` returns, fifty times a second, and once a second when it has had its will.
 */
function slowPeer(
  at: At,
  role: RawPeerOptions['role'],
  who: string,
  { first, last, more }: { first: () => Message[]; last: Message['kind']; more?: () => Message },
): SlowPeer {
  const stopped = Promise.withResolvers<void>();
  let goneOn: (served: boolean) => void = () => {};
  let readsAgain = false;
  const { socket, say, ended } = rawPeer({
    ...{ ...at, role, who },
    hear(message) {
      const { kind } = message;
      if (kind === 'welcome') say(first());
      if (kind === 'reply' && message.id === lastId) return goneOn(true);
      if (kind !== last || readsAgain) return;
      stopped.resolve();
      socket.pause();
    },
  });
  const mutter = (): void => {
    if (more !== undefined && socket.isPaused()) say([more()]);
  };
  let timer = setInterval(mutter, 20);
  void ended.then(() => {
    clearInterval(timer);
    goneOn(false);
  });
  return {
    stopped: stopped.promise,
    gone: () => socket.destroyed,
    rest() {
      clearInterval(timer);
      timer = setInterval(mutter, 1_000);
    },
    goesOn() {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      goneOn = resolve;
      readsAgain = true;
      socket.resume();
      say([request(lastId, 'status', {})]);
      return promise;
    },
    close: () => void socket.destroy(),
  };
}

/** `lies`: goes on to say that it has taken the windows, as fast as they could come. */
function interfaceThatStops(at: At, lies: boolean): SlowPeer {
  const look = lookShape.pack(lookAt('job', { of: '2', rows: 1_000, values: 720, events: 200 }));
  let taken = 0;
  const ready = (): Message => ({ kind: 'ready', id: 1, taken: ++taken });
  return slowPeer(at, 'viewer', 'viewer', {
    first: () => [request(1, 'watch', { look, rateHz: 30 })],
    last: 'item',
    ...(lies ? { more: ready } : {}),
  });
}

/** Follows the output of a job in several streams, and says of all that it has taken it. */
function readerThatStops(at: At, job: number): SlowPeer {
  const ids = Array.from({ length: streamsEach }, (_, i) => i + 1);
  let turn = 0;
  return slowPeer(at, 'submitter', 'talker', {
    first: () => ids.map((id) => request(id, 'logs', { job, index: null, follow: true, tail: null, from: null })),
    last: 'item',
    more: () => ({ kind: 'ready', id: ids[turn++ % streamsEach] as number, taken: 1e6 }),
  });
}

/** Asks for many pages at once. */
function askerThatStops(at: At, job: number): SlowPeer {
  const page = (_: unknown, id: number) => request(id, 'tasks', { job, from: 0, count: pageRows });
  return slowPeer(at, 'viewer', 'asker', { first: () => Array.from({ length: pagesEach }, page), last: 'reply' });
}

/** Joins, has heartbeats, and does not read what it is given to do. */
function nodeThatStops(at: At, name: string): SlowPeer {
  const info = { ...nodeInfo(64), labels: { either: 'yes' } };
  const none = { running: [], waiting: [], ended: [], joins: 0, receipt: null, beatEvery: 1 };
  const sample = { cpu: 0, cpuOurs: 0, memoryUsed: 0, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
  let seq = 0;
  return slowPeer(at, 'node', name, {
    first: () => [{ kind: 'join', name, incarnation: name, info, ...none }],
    last: 'joined',
    more: () => ({ kind: 'heartbeat', seq: seq++, seen: 0, sample }),
  });
}

/** Programs as their users have them, stopped when they have something: interfaces on terminals, and `logs -f`. */
async function heldPrograms(cluster: Cluster, job: number, count: number): Promise<Stopped[]> {
  const stopped: Stopped[] = [];
  for (let i = 0; i < count; i++) stopped.push(await heldReader(cluster, job));
  if (noTerminal() === null) for (let i = 0; i < count; i++) stopped.push(await heldInterface(cluster));
  return stopped;
}

async function heldReader(cluster: Cluster, job: number): Promise<Stopped> {
  const child = cluster.start(['logs', '-f', String(job)]);
  let bytes = 0;
  const began = Promise.withResolvers<void>();
  child.stdout?.on('data', (chunk: Buffer) => {
    if (bytes === 0) {
      child.kill('SIGSTOP');
      began.resolve();
    }
    bytes += chunk.length;
  });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await Promise.race([began.promise, closed]);
  if (bytes === 0) throw new Error(`lbtop logs ended with code ${child.exitCode} before it printed anything`);
  return {
    async goesOn() {
      child.kill('SIGCONT');
      await closed;
      return bytes === outputBytes;
    },
    close: () => void child.kill('SIGKILL'),
  };
}

async function heldInterface({ fleet }: Cluster): Promise<Stopped> {
  const { XDG_STATE_HOME = '', XDG_CONFIG_HOME = '' } = fleet.environment;
  const [node, script] = program();
  const terminal = openTerminal(node, [script, '--attach', `${fleet.host}:${fleet.port}`], {
    env: { XDG_STATE_HOME, XDG_CONFIG_HOME },
    cwd: XDG_STATE_HOME,
  });
  await terminal.waitFor('real');
  terminal.signal('SIGSTOP');
  return {
    async goesOn() {
      terminal.signal('SIGCONT');
      terminal.keys('2');
      await terminal.waitFor('JOB▾');
      await terminal.waitWithout('connection lost');
      return true;
    },
    close: terminal.close,
  };
}

/** Makes jobs whose tasks write to a ledger, each with a large input; indices go on from job to job. */
function workFor(client: Client, ledger: string, tasksEach: number) {
  const jobs: number[] = [];
  const stdin = new Uint8Array(stdinBytes);
  return {
    jobs,
    tasks: () => jobs.length * tasksEach,
    async more(): Promise<void> {
      const span = { count: tasksEach, first: jobs.length * tasksEach, step: 1 };
      const argv = ledgerCommand(ledger, 0.05);
      const work = { kind: 'command', argv, shell: false, task: '', input: null } as const;
      const spec = jobSpec({ work, span, stdin, labels: { either: 'yes' } });
      jobs.push((await client.request('submit', { spec, upload: null })).job);
    },
  };
}

const mebibyte = 1024 * 1024;

/** Prints what they cost. */
export async function showSlowReaders(): Promise<void> {
  const seen = await slowReaders({ each: 6, held: 1, rounds: 3, tasks: 10_000 });
  const middle = (paces: Pace[], of: keyof Pace) =>
    paces.map((pace) => pace[of]).toSorted((a, b) => a - b)[paces.length >> 1] as number;
  const { staying, stayed, nodes, cutOff, quiet, beside, slowestMs, lost, counted, restarted, runAgain } = seen;
  const share = (of: keyof Pace) => (middle(beside, of) / middle(quiet, of)).toFixed(2);
  console.log(
    `${staying} peers that stop (interfaces, followers of output, clients that asked for much, programs that are held), ` +
      `${stayed} of them served when they read again: ${Math.round(seen.stayingBytes / mebibyte)} MiB more memory for ` +
      `${staying / quiet.length} of them at once; ${Math.round(middle(beside, 'perSecond'))} tasks a second beside them, ` +
      `${share('perSecond')} of what it is without, ${share('cpuMs')} of the processor's time for each`,
  );
  console.log(
    `${nodes} nodes that stop, ${cutOff} of them cut off with the reason: ${Math.round(seen.nodesBytes / mebibyte)} MiB more ` +
      `memory at most; a client was answered within ${Math.round(slowestMs)} ms`,
  );
  console.log(`  the work: ${JSON.stringify({ lost, counted, restarted, runAgain })}`);
  if (stayed < staying || cutOff < nodes || lost + counted + restarted + runAgain > 0) process.exitCode = 1;
}
