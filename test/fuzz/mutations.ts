/** Bytes that were right once, changed as an adversary or a bad disk would. The same seed gives the same bytes. */
import { type Random, randomStream } from '../../source/simulation/random.ts';

/** What parsers go wrong at: headers of every MessagePack type with lengths out of proportion, limits of integers. */
const sore = [
  'c1',
  'ddffffffff',
  'dfffffffff',
  'dbffffffff',
  'c6ffffffff',
  'c9ffffffff01',
  'dcffff',
  'deffff',
  'd40072',
  'd6ff00000000',
  'd802ffffffffffffffff0000000000000000',
  'cfffffffffffffffff',
  'd38000000000000000',
  'cb7ff8000000000000',
  'cb7ff0000000000000',
  'cbfff0000000000000',
  'cb7fefffffffffffff',
  'cb8000000000000000',
  'c0',
  '90',
  '80',
  'a0',
  'ff',
  '81a95f5f70726f746f5f5f90',
  '9191919191919191919191919191919191919191',
  'a3c328ff',
].map((hex) => Buffer.from(hex, 'hex'));

/** Returns the random stream of one case. */
export const caseRandom = (seed: number): Random => randomStream(seed, 77);

/** Returns a changed copy of one of the samples: one to eight changes of bits, bytes, lengths, order, or parts of others. */
export function mutated(samples: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(samples));
  for (let left = 1 + random.below(random.chance(0.5) ? 1 : 8); left > 0; left--)
    bytes = changedOnce(bytes, samples, random);
  return bytes;
}

function changedOnce(bytes: Buffer, samples: readonly Buffer[], random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.below(random.chance(0.8) ? 9 : 200));
  const [head, part, tail] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
  switch (random.below(10)) {
    case 0: // a bit
    case 1:
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 2: // a byte
    case 3:
      if (at < bytes.length) bytes[at] = random.below(256);
      return bytes;
    case 4:
      return Buffer.concat([head, random.pick(sore), tail]);
    case 5: // in place of as many
      return Buffer.concat([head, random.pick(sore), bytes.subarray(Math.min(bytes.length, at + random.below(9)))]);
    case 6: // left out
      return Buffer.concat([head, tail]);
    case 7: // twice
      return Buffer.concat([head, part, part, tail]);
    case 8: {
      const other = random.pick(samples);
      const from = random.below(other.length + 1);
      return Buffer.concat([head, other.subarray(from, from + random.below(64)), tail]);
    }
    default: // the end
      return random.chance(0.3) ? head : Buffer.concat([head, Buffer.alloc(random.below(32), random.below(256)), tail]);
  }
}
