/** Frames as they come from a peer, up to the arguments of what is asked. */

import { LbtopError } from '../../source/model/errors.ts';
import { ShapeError } from '../../source/model/shape.ts';
import { decode, encode } from '../../source/wire/codec.ts';
import { FrameError, frameOf, frameReader } from '../../source/wire/frame.ts';
import type { Message } from '../../source/wire/messages.ts';
import { PlainError } from '../../source/wire/plain.ts';
import { verbs } from '../../source/wire/verbs.ts';
import fc from '../arbitrary.ts';
import { kinds, messageOf } from '../wire/sample-messages.ts';
import type { Target } from './campaign.ts';
import { caseRandom, mutated } from './mutations.ts';

/** Of one peer, without welcome and after it. */
const limitBytes = 8 * 1024 * 1024;

/** Payloads of frames of all kinds of messages, and of all verbs. */
export function framePayloads(): Buffer[] {
  const messages = kinds.flatMap((kind) => fc.sample(messageOf(kind), { seed: 7, numRuns: 8 }));
  const requests = Object.keys(verbs).map(
    (verb, id): Message => ({ kind: 'request', id: id + 1, verb, args: [1, 0, [1, 2], 'a', null] }),
  );
  const alone = [...messages, ...requests].map((one) => encode([one]));
  const together = Array.from({ length: 8 }, (_, i) => encode(messages.slice(i * 8, i * 8 + 5)));
  return [...alone, ...together].filter((payload) => payload.length > 1 && payload.length < 4_096);
}

export function frameTarget(): Target<Buffer> {
  const payloads = framePayloads();
  const frames = payloads.map((payload) => frameOf(payload));
  return {
    name: 'frames',
    make(seed) {
      const random = caseRandom(seed);
      // Most damage is found by the checksum, so that most cases have one that fits.
      return random.chance(0.9) ? frameOf(mutated(payloads, random)) : mutated(frames, random);
    },
    take: takeFrame,
    hex: (bytes) => bytes.toString('hex'),
  };
}

/** Reads the bytes as a connection does. Throws what a connection would not expect. */
export function takeFrame(bytes: Buffer): string {
  let outcome = 'waits for more';
  try {
    frameReader(limitBytes).push(bytes, (payload) => {
      outcome = 'skipped';
      for (const message of decode(payload)) {
        outcome = 'read';
        if (message.kind === 'request') readRequest(message);
      }
    });
    return outcome;
  } catch (error) {
    if (error instanceof FrameError) return `refused by its ${error.reason}`;
    if (error instanceof PlainError) return 'not plain';
    if (error instanceof ShapeError) return 'not a message';
    if (error instanceof LbtopError) return 'refused';
    throw error;
  }
}

function readRequest({ verb, args }: Extract<Message, { kind: 'request' }>): void {
  if (!Object.hasOwn(verbs, verb)) return;
  const row = verbs[verb as keyof typeof verbs] as unknown as { args: { unpack(raw: unknown): unknown } };
  row.args.unpack(args);
}
