/** A job whose one task this client takes to its node itself, and whose output comes straight from there. */
import { LbtopError } from '../model/errors.ts';
import { type Attempt, keyOf } from '../model/node.ts';
import type { VerbGives } from '../wire/verbs.ts';
import type { Client } from './client.ts';
import { parseAddress } from './places.ts';

type Issued = VerbGives<'tickets'>;

export interface DirectOptions {
  write(stream: 1 | 2, data: Uint8Array): Promise<void>;
  signal: AbortSignal;
}

/** A node that says nothing for so long while the coordinator knows better is not waited for. */
const silenceMs = 5_000;
const lookMs = 500;

/** What was written of the attempt that came last. */
interface Printed {
  attempt: Attempt | null;
  bytes: [number, number];
}

/**
 * Takes the task to its node, with each ticket that comes, until the job has ended; what no node gives is taken from the
 * coordinator. Resolves when all of its output is written. Throws LbtopError as `client` does, and what `write` throws.
 */
export async function takeDirectly(client: Client, job: number, options: DirectOptions): Promise<void> {
  const { signal } = options;
  const printed: Printed = { attempt: null, bytes: [0, 0] };
  let newest: Issued | null = null;
  let jobOver = false;
  let whole = false;
  let follower: { end: AbortController; done: Promise<void> } | null = null;
  let work: Promise<void> = Promise.resolve();

  async function stopFollowing(): Promise<void> {
    follower?.end.abort();
    await follower?.done;
    follower = null;
  }

  async function carry(issued: Issued): Promise<void> {
    if (issued !== newest || signal.aborted) return;
    await stopFollowing();
    Object.assign(printed, { attempt: keyOf(issued), bytes: [0, 0] });
    whole = await redeem(client, issued, printed, options, () => jobOver || issued !== newest);
    if (whole || signal.aborted) return;
    await client.request('ticket-back', keyOf(issued));
    follow();
  }

  /** The coordinator has all that was written too, a little later. */
  function follow(): void {
    const end = new AbortController();
    const done = followLogs(client, job, printed, options, AbortSignal.any([end.signal, signal]));
    done.catch(() => {}); // told where it is awaited
    follower = { end, done };
  }

  await client.stream(
    'tickets',
    { job },
    (issued) => {
      newest = {
        ...issued,
        key: Buffer.from(issued.key),
        ticket: { body: Buffer.from(issued.ticket.body), signature: Buffer.from(issued.ticket.signature) },
      };
      const mine = newest;
      work = work.then(() => carry(mine));
      work.catch(() => {});
    },
    signal,
  );
  jobOver = true;
  await work;
  if (whole || signal.aborted) return;
  if (follower === null) follow();
  await (follower as unknown as { done: Promise<void> }).done;
}

/** Returns whether the attempt came to its end here. `moot`: the coordinator knows of an end, or of a newer attempt. */
async function redeem(
  client: Client,
  { address, ticket, key }: Issued,
  printed: Printed,
  { write, signal }: DirectOptions,
  moot: () => boolean,
): Promise<boolean> {
  const place = parseAddress(address);
  if (place === undefined) return false;
  const end = new AbortController();
  const ends = AbortSignal.any([end.signal, signal]);
  let heardAt = performance.now();
  const looking = setInterval(() => {
    if (moot() && performance.now() - heardAt > silenceMs) end.abort();
  }, lookMs);
  let over = false;
  let node: Client | null = null;
  try {
    node = await client.toNode(place, key, ends);
    await node.stream(
      'redeem',
      { ticket },
      async ({ stream, data, outcome }) => {
        if (outcome !== null) over = true;
        if (data.length > 0 && (stream === 1 || stream === 2)) {
          printed.bytes[stream - 1] = (printed.bytes[stream - 1] ?? 0) + data.length;
          heardAt = Number.POSITIVE_INFINITY; // whoever reads us may take his time
          await write(stream, data);
        }
        heardAt = performance.now();
      },
      ends,
    );
  } catch (error) {
    // It is gone, or will not have it: the coordinator is asked again.
    if (!(error instanceof LbtopError) && !ends.aborted) throw error;
  } finally {
    clearInterval(looking);
    node?.close();
  }
  return over;
}

/** Copies what the coordinator has, without what was written of the same attempt already. */
async function followLogs(
  client: Client,
  job: number,
  printed: Printed,
  { write }: DirectOptions,
  signal: AbortSignal,
): Promise<void> {
  const [task] = await client.request('tasks', { job, from: 0, count: 1 });
  const skip = task !== undefined && task.attempt === printed.attempt?.attempt ? printed.bytes : [0, 0];
  await client.stream(
    'logs',
    { job, index: null, follow: true, tail: null, from: null },
    async ({ stream, data }) => {
      const known = Math.min(skip[stream - 1] ?? 0, data.length);
      skip[stream - 1] = (skip[stream - 1] ?? 0) - known;
      if (known < data.length) await write(stream === 1 ? 1 : 2, data.subarray(known));
    },
    signal,
  );
}
