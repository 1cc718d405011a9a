/** Tasks that their client takes to the nodes itself: real processes, real tickets. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Client } from '../../source/client/client.ts';
import { connect, type Lbtop } from '../../source/client/index.ts';
import { parseAddress, places, readCoordinatorFile } from '../../source/client/places.ts';
import { limits } from '../../source/model/limits.ts';
import type { JobRow, NodeRow, TaskRow } from '../../source/model/report.ts';
import { packValue, unpackValue } from '../../source/wire/codec.ts';
import { ticketSigner } from '../../source/wire/ticket.ts';
import type { VerbGives } from '../../source/wire/verbs.ts';
import { type Cluster, finished, startCluster, until } from '../helpers/lbtop.ts';

type Issued = VerbGives<'tickets'>;

let cluster: Cluster;
let lbtop: Lbtop;
beforeEach(async () => {
  cluster = await startCluster([]);
  for (const name of ['a', 'b']) cluster.fleet.startNode(name, ['--slots', '2', '--listen', '127.0.0.1:0']);
  const { host, port, secretFile } = cluster.fleet;
  lbtop = await connect({ connect: `${host}:${port}`, secretFile });
  await until(async () => (await lbtop.nodes()).length === 2);
});
afterEach(async () => {
  lbtop.close();
  await cluster[Symbol.asyncDispose]();
});

/** Submits a task that notes each of its runs in a file, and returns the ticket of its first attempt. */
async function noted(script = 'true'): Promise<Issued & { runs(): number }> {
  const file = join(cluster.directory, `runs-${randomBytes(4).toString('hex')}`);
  const { job } = await lbtop.submit({ command: ['sh', '-c', `echo run >> ${file}; ${script}`], direct: true });
  const first = Promise.withResolvers<Issued>();
  lbtop.client
    .stream('tickets', { job }, (issued) => {
      const { body, signature } = issued.ticket;
      first.resolve({
        ...issued,
        key: Uint8Array.from(issued.key),
        ticket: { body: Uint8Array.from(body), signature: Uint8Array.from(signature) },
      });
    })
    .catch(first.reject);
  const runs = (): number => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').length : 0);
  return { ...(await first.promise), runs };
}

/** Takes a ticket to a node; returns what the task wrote and its outcome. */
async function redeem({ address, ticket, key }: Pick<Issued, 'address' | 'ticket' | 'key'>) {
  const node: Client = await lbtop.client.toNode(parseAddress(address) as never, key, new AbortController().signal);
  const said: Buffer[] = [];
  let outcome: VerbGives<'redeem'>['outcome'] = null;
  try {
    await node.stream('redeem', { ticket }, (item) => {
      said.push(Buffer.from(item.data));
      outcome = item.outcome;
    });
  } finally {
    node.close();
  }
  return { text: Buffer.concat(said).toString(), outcome: outcome as VerbGives<'redeem'>['outcome'] };
}

test('run --direct gives output and exit code as run does, and the coordinator counts the task', async () => {
  const said = await cluster.lbtop(['run', '--direct', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
  expect(said).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'err\n' });
  const rows = await cluster.json<TaskRow[]>(['tasks', '1']);
  expect(rows).toMatchObject([{ state: 'failed', exitCode: 7, attempt: 1 }]);
  const nodes = await cluster.json<NodeRow[]>(['nodes']);
  expect(nodes.map(({ direct }) => direct)).toEqual([
    expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  ]);
  expect(nodes.find(({ name }) => name === rows[0]?.node)?.failed).toBe(1);
  // What it wrote is kept at the coordinator as well.
  expect(await cluster.lbtop(['logs', '1'])).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
  expect(await cluster.lbtop(['run', '--direct', '--task', 'sum-up', '--input', '100'])).toMatchObject({
    code: 0,
    stdout: '5050\n',
  });
  const many = await cluster.lbtop(['run', '--direct', '--array', '1-3', '--', 'true']);
  expect(many).toMatchObject({
    code: 2,
    stderr: 'lbtop: --direct takes one task to its node: leave it out for many\n',
  });
});

test('much output comes unharmed', async () => {
  const file = join(cluster.directory, 'bytes');
  const bytes = randomBytes(20 * 1024 * 1024);
  writeFileSync(file, bytes);
  const child = cluster.start(['run', '--direct', '--', 'cat', file]);
  const hash = createHash('sha256');
  child.stdout?.on('data', (chunk) => hash.update(chunk));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  expect(await promise).toBe(0);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('a task under way counts as load of its node like any other; its client gone, it goes on', async () => {
  const gate = join(cluster.directory, 'gate');
  const child = cluster.start([
    'run',
    '--direct',
    '--',
    'sh',
    '-c',
    `echo began; until test -e ${gate}; do sleep 0.02; done`,
  ]);
  const began = Promise.withResolvers<void>();
  child.stdout?.once('data', () => began.resolve());
  await began.promise;
  await until(async () => (await lbtop.nodes()).reduce((sum, { running }) => sum + running, 0) === 1);
  expect((await lbtop.status()).slots.busy).toBe(1);
  child.kill('SIGKILL');
  writeFileSync(gate, '');
  expect(await lbtop.wait(1)).toMatchObject([{ state: 'succeeded' }]);
});

test('what the task writes comes from its node: also while the coordinator stands still', async () => {
  const gate = join(cluster.directory, 'gate');
  const script = `echo began; until test -e ${gate}; do sleep 0.02; done; echo done`;
  const child = cluster.start(['run', '--direct', '--', 'sh', '-c', script]);
  let said = '';
  child.stdout?.on('data', (data) => {
    said += data;
  });
  const closed = Promise.withResolvers<number | null>();
  child.on('close', closed.resolve);
  await until(() => said === 'began\n');
  const pid = readCoordinatorFile(places(cluster.fleet.environment).coordinatorFile)?.pid as number;
  process.kill(pid, 'SIGSTOP');
  try {
    writeFileSync(gate, '');
    await until(() => said === 'began\ndone\n');
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(await closed.promise).toBe(0);
});

test('its node is killed: the client asks again and takes the task to another', async () => {
  const gate = join(cluster.directory, 'gate');
  const child = cluster.start([
    'run',
    '--direct',
    '--',
    'sh',
    '-c',
    `echo "$LBTOP_ATTEMPT $LBTOP_NODE"; until test -e ${gate}; do sleep 0.02; done; echo done`,
  ]);
  const ran = finished(child);
  const taskNow = async () => (await cluster.json<TaskRow[]>(['tasks', '1']))[0];
  await until(
    async () => (await cluster.json<JobRow[]>(['jobs'])).length === 1 && (await taskNow())?.state === 'running',
  );
  const first = (await taskNow())?.node as string;
  cluster.fleet.killNode(first);
  await until(async () => (await taskNow())?.attempt === 2 && (await taskNow())?.state === 'running');
  writeFileSync(gate, '');
  const { code, stdout } = await ran;
  const other = first === 'a' ? 'b' : 'a';
  expect({ code, stdout }).toEqual({ code: 0, stdout: `1 ${first}\n2 ${other}\ndone\n` });
});

test('a ticket is good for one task, once', async () => {
  const issued = await noted('echo hello');
  expect(await redeem(issued)).toMatchObject({ text: 'hello\n', outcome: { outcome: 'succeeded', exitCode: 0 } });
  await lbtop.wait(issued.job);
  await expect(redeem(issued)).rejects.toThrow('this ticket has been used already');
  expect(issued.runs()).toBe(1);
});

test('a ticket that is forged, altered, or for another node is refused', async () => {
  const issued = await noted();
  const { body, signature } = issued.ticket;
  const refused = `this ticket is not signed by the coordinator of ${issued.node}`;

  const altered = Uint8Array.from(body);
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  await expect(redeem({ ...issued, ticket: { body: altered, signature } })).rejects.toThrow(refused);
  // Well-formed, with another command and a longer life, signed by somebody who has the secret of the fleet.
  const fields = unpackValue(Buffer.from(body)) as unknown[];
  const longer = packValue([fields[0], Date.now() + 1e9, ...fields.slice(2)]);
  expect(longer.length).toBe(body.length);
  await expect(redeem({ ...issued, ticket: { body: longer, signature } })).rejects.toThrow(refused);
  const { task, spec } = await lookInto(issued);
  const forger = ticketSigner();
  const forged = forger.sign({ node: issued.node, expiresAt: Date.now() + 1e9, seq: 1, job: issued.job, spec, task });
  await expect(redeem({ ...issued, ticket: forged })).rejects.toThrow(refused);

  const other = (await lbtop.nodes()).find(({ name }) => name !== issued.node);
  const elsewhere = { ...issued, address: other?.direct as string };
  // The key of one node does not open another.
  await expect(redeem(elsewhere)).rejects.toMatchObject({ code: 'refused' });
  expect(issued.runs()).toBe(0);
  await redeem(issued);
  expect(issued.runs()).toBe(1);
  // Whoever has both is told whose ticket it is.
  await lbtop.pause(issued.node);
  const { key } = await noted();
  await expect(redeem({ ...elsewhere, key })).rejects.toThrow(`this ticket is for node ${issued.node}`);
});

/** What a ticket says, read as a node reads it. */
async function lookInto({ ticket, job }: Issued) {
  const { jobSpec } = await import('../../source/model/job.ts');
  const fields = unpackValue(Buffer.from(ticket.body)) as unknown[];
  const work = { kind: 'command' as const, argv: ['touch', '/tmp/forged'], shell: false, task: '', input: null };
  expect(fields[3]).toBe(job);
  return { spec: jobSpec({ work, direct: true }), task: { ordinal: 0, index: 0, attempt: 1, item: null } };
}

test('a ticket that nobody used expires; its task has gone to the node the usual way, and runs once', async () => {
  const issued = await noted();
  const deadline = Date.now() + limits.ticketMs;
  await lbtop.wait(issued.job);
  await until(() => Date.now() > deadline);
  await expect(redeem(issued)).rejects.toThrow('this ticket has expired');
  expect(issued.runs()).toBe(1);
});

test('a task that was cancelled is not begun by its ticket', async () => {
  const issued = await noted();
  expect(await lbtop.cancel(issued.job)).toBe(1);
  await lbtop.wait(issued.job);
  await expect(redeem(issued)).rejects.toThrow('its task was taken back');
  expect(issued.runs()).toBe(0);
});

test('a client that cannot reach the node has its task done the usual way', async () => {
  const issued = await noted('echo hello');
  await lbtop.client.request('ticket-back', { job: issued.job, ordinal: issued.ordinal, attempt: issued.attempt });
  expect(await lbtop.wait(issued.job)).toMatchObject([{ state: 'succeeded' }]);
  await expect(redeem(issued)).rejects.toThrow('this ticket has been used already');
  expect(issued.runs()).toBe(1);
});

test('only nodes that listen get such tasks, only theirs is the word redeem, and nothing else', async () => {
  await lbtop.pause({ all: true });
  cluster.fleet.startNode('deaf', ['--slots', '2']);
  await until(async () => (await lbtop.nodes()).length === 3);
  const { job } = await lbtop.submit({ command: ['true'], direct: true });
  expect((await lbtop.explain(job, 0)).waiting).toMatchObject({ 'lack an address for direct calls': 1, paused: 2 });
  await lbtop.resume('a');
  expect(await lbtop.wait(job)).toMatchObject([{ state: 'succeeded' }]);
  const { key } = await noted();
  const { job: ordinary } = await lbtop.submit({ command: ['true'] });
  await expect(lbtop.client.stream('tickets', { job: ordinary }, () => {})).rejects.toThrow(
    'was not submitted for direct',
  );

  const address = (await lbtop.nodes()).find(({ name }) => name === 'a')?.direct as string;
  const node = await lbtop.client.toNode(parseAddress(address) as never, key, new AbortController().signal);
  await expect(node.request('nodes', {})).rejects.toThrow('a node takes tickets only');
  node.close();
  const stranger = lbtop.client.toNode(
    parseAddress(address) as never,
    new Uint8Array(32),
    new AbortController().signal,
  );
  await expect(stranger).rejects.toMatchObject({ code: 'refused' });
  const ticket = { body: new Uint8Array(10), signature: new Uint8Array(64) };
  await expect(redeem({ address, ticket, key })).rejects.toThrow('not signed by the coordinator of a');
  await expect(lbtop.client.stream('redeem', { ticket }, () => {})).rejects.toThrow('a node takes tickets');
});
