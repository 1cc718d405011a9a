/**
 * Lots for the policies that draw. A lot follows from the seed and from which dispatch it is for, so that a decision of
 * the past can be made again from the facts alone; nothing has to remember a generator's state.
 */

/** Returns a number from 0 to `below` - 1 for the n-th draw of this dispatch. Mixing as in MurmurHash3's finaliser. */
export function drawLot(seed: number, job: number, ordinal: number, attempt: number, n: number, below: number): number {
  let hash = seed >>> 0;
  hash = mix(hash ^ (job >>> 0));
  hash = mix(hash ^ Math.floor(job / 0x1_0000_0000));
  hash = mix(hash ^ ordinal);
  hash = mix(hash ^ ((attempt << 8) | n));
  return Math.floor((hash / 0x1_0000_0000) * below);
}

function mix(value: number): number {
  let hash = (value + 0x9e37_79b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
