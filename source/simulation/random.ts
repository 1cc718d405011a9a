/** Chance that is the same again for the same seed: one stream for each purpose, so that rules can be compared on the same work. */

/** A stream of chance. */
export interface Random {
  /** A number from 0 up to, and never, 1: 53 bits. */
  unit(): number;
  /** A whole number from 0 to `end` - 1. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A duration until the next event of a Poisson process whose events are `mean` apart. */
  exponential(mean: number): number;
}

/** sfc32 (Chris Doty-Humphrey, PractRand), begun from a seed and the number of the stream. */
export function randomStream(seed: number, stream = 0): Random {
  let a = seed >>> 0;
  let b = Math.floor(seed / 0x1_0000_0000) >>> 0;
  let c = stream >>> 0;
  let counter = 1;

  function bits(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
  for (let warmUp = 0; warmUp < 15; warmUp++) bits();

  const unit = () => ((bits() >>> 5) * 0x400_0000 + (bits() >>> 6)) / 0x20_0000_0000_0000;
  return {
    unit,
    below: (end) => Math.floor(unit() * end),
    chance: (probability) => unit() < probability,
    pick: (from) => from[Math.floor(unit() * from.length)] as (typeof from)[number],
    exponential: (mean) => -mean * Math.log(1 - unit()),
  };
}
