/** Recordings that were changed: opened, played, and looked at on every screen. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { openPlayer } from '../../source/feed/player.ts';
import { expand } from '../../source/feed/trace-bytes.ts';
import { blockHeadBytes, headBytes, packBlock, unpackBlockHead } from '../../source/feed/trace-format.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { lookAt, screens } from '../../source/view/look.ts';
import { recordedSession } from '../chaos/trace-cut.ts';
import type { Target } from './campaign.ts';
import { caseRandom, mutated } from './mutations.ts';

export interface TraceTarget extends Target<Buffer> {
  close(): void;
}

/** A block of a recording, with its payload as it was before it was squeezed. */
interface Block {
  whole: Buffer;
  payload: Buffer | null;
}

export async function traceTarget(): Promise<TraceTarget> {
  const bytes = await recordedSession({ seconds: 20, jobsPerSecond: 0.4, taskMs: 1_000 });
  const blocks = blocksOf(bytes);
  const directory = mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'lbtop-fuzz-'));
  const payloads = blocks.flatMap(({ payload }) => (payload === null || payload.length === 0 ? [] : [payload]));

  function make(seed: number): Buffer {
    const random = caseRandom(seed);
    if (random.chance(0.15)) return mutated([bytes], random);
    // What the checksums do not find: the payload is another one, and they fit it.
    const chosen = random.below(blocks.length);
    const parts = blocks.map(({ whole, payload }, place) => {
      if (payload === null || (place !== chosen && !random.chance(0.1))) return whole;
      const head = unpackBlockHead(whole, 0);
      if (head === null || head.kind === null) return whole;
      const other = mutated(random.chance(0.9) ? [payload] : payloads, random);
      const changedHead = random.chance(0.1) ? { ...head, count: random.below(100), events: random.below(100) } : head;
      return packBlock({ ...changedHead, kind: head.kind }, zstdCompressSync(other));
    });
    if (random.chance(0.05)) parts.splice(random.below(parts.length), 1);
    if (random.chance(0.05)) parts.push(random.pick(parts));
    return Buffer.concat([bytes.subarray(0, headBytes), ...parts]);
  }

  const file = join(directory, 'fuzz.lbtrace');
  return {
    name: 'traces',
    make,
    take: (one) => takeTrace(one, file),
    hex: (one) => one.toString('hex'),
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function blocksOf(bytes: Buffer): Block[] {
  const blocks: Block[] = [];
  for (let at = headBytes; at < bytes.length; ) {
    const head = unpackBlockHead(bytes, at);
    if (head === null) throw new Error(`no block at ${at}`);
    const whole = bytes.subarray(at, at + blockHeadBytes + head.payloadBytes);
    const payload = head.payloadBytes === 0 ? null : expand(whole.subarray(blockHeadBytes));
    blocks.push({ whole, payload });
    at += whole.length;
  }
  return blocks;
}

/** Plays a recording as the interface does. Throws what the interface would not expect. */
export async function takeTrace(bytes: Buffer, file: string): Promise<string> {
  writeFileSync(file, bytes);
  const due: (() => void)[] = [];
  let windows = 0;
  const shown = (): void => {
    for (const call of due.splice(0)) call();
  };
  try {
    const clock = { now: () => 0, every: () => () => {}, soon: (call: () => void) => void due.push(call) };
    const player = await openPlayer(file, { clock });
    try {
      player.open(lookAt('nodes'), {
        window: () => {
          windows += 1;
        },
        connection: () => {},
        time: () => {},
      });
      shown();
      const { from, to } = player.time.state();
      // Which screens, and where, depends on the bytes alone.
      for (const turn of [0, 1]) {
        const screen = screens[(bytes.length + turn * 3) % screens.length] ?? 'nodes';
        player.time.seek(from + (to - from) * (0.4 + turn * 0.6));
        player.look(lookAt(screen, { of: screen === 'node' ? 'node-1' : screen === 'job' ? '1' : null }));
        shown();
      }
      player.time.step(-1);
      player.time.step(1);
      player.time.jump(-1);
      shown();
      return player.notes().length > 0 ? 'played, with notes' : windows > 0 ? 'played' : 'nothing';
    } finally {
      player.close();
    }
  } catch (error) {
    if (error instanceof LbtopError && !error.message.includes('\n')) return 'refused';
    throw error;
  }
}
