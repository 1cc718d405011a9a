/** Factorization of whole numbers of any size: trial division, then Miller-Rabin and Pollard's rho (Brent's form). */

/** Below 3.3 · 10^24 these bases prove primality; above, a composite that passes all of them is not known. */
const bases = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n, 43n, 47n, 53n];
const trialLimit = 10_000;
const stepsPerPace = 256;

/** Takes a number of at least 1 and what to call every few ms; returns its prime factors, ascending. */
export function primeFactors(number: bigint, pace: () => void): bigint[] {
  const found: bigint[] = [];
  let rest = number;
  for (let divisor = 2; divisor <= trialLimit; divisor += divisor === 2 ? 1 : 2) {
    const one = BigInt(divisor);
    if (one * one > rest) break;
    while (rest % one === 0n) {
      found.push(one);
      rest /= one;
    }
  }
  const open = rest > 1n ? [rest] : [];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (isPrime(one, pace)) found.push(one);
    else {
      const divisor = divisorOf(one, pace);
      open.push(divisor, one / divisor);
    }
  }
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function isPrime(number: bigint, pace: () => void): boolean {
  if (number < 2n) return false;
  for (const base of bases) {
    if (number === base) return true;
    if (number % base === 0n) return false;
  }
  let odd = number - 1n;
  let twos = 0;
  while ((odd & 1n) === 0n) {
    odd >>= 1n;
    twos++;
  }
  return bases.every((base) => {
    pace();
    let power = powerModulo(base, odd, number);
    if (power === 1n || power === number - 1n) return true;
    for (let i = 1; i < twos; i++) {
      power = (power * power) % number;
      if (power === number - 1n) return true;
    }
    return false;
  });
}

/** A proper divisor of an odd composite number. */
function divisorOf(number: bigint, pace: () => void): bigint {
  const root = squareRoot(number);
  if (root * root === number) return root;
  for (let increment = 1n; ; increment++) {
    const divisor = rho(number, increment, pace);
    if (divisor !== number) return divisor;
  }
}

/** Pollard's rho with x² + increment; returns a divisor, possibly the number itself (then another increment is needed). */
function rho(number: bigint, increment: bigint, pace: () => void): bigint {
  let slow = 2n;
  let fast = 2n;
  let saved = fast;
  let product = 1n;
  let divisor = 1n;
  for (let length = 1; divisor === 1n; length *= 2) {
    slow = fast;
    for (let i = 0; i < length; i++) fast = (fast * fast + increment) % number;
    for (let done = 0; done < length && divisor === 1n; done += stepsPerPace) {
      saved = fast;
      for (let i = 0; i < Math.min(stepsPerPace, length - done); i++) {
        fast = (fast * fast + increment) % number;
        product = (product * distance(slow, fast)) % number;
      }
      divisor = greatestCommonDivisor(product, number);
      pace();
    }
  }
  if (divisor !== number) return divisor;
  // Too many steps at once: the same again one by one.
  do {
    saved = (saved * saved + increment) % number;
    divisor = greatestCommonDivisor(distance(slow, saved), number);
  } while (divisor === 1n);
  return divisor;
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [one, other] = [a, b];
  while (other !== 0n) [one, other] = [other, one % other];
  return one;
}

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function squareRoot(number: bigint): bigint {
  let guess = 1n << BigInt((number.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (guess + number / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}
