/** Mean times in the system that queueing theory gives, in units of the mean service time. */

/** M/M/k: Erlang's C formula (Erlang, 1917; Kleinrock, Queueing Systems 1, 3.5). `load`: of all servers, below 1. */
export function manyServers(servers: number, load: number): number {
  const offered = servers * load;
  // Erlang B by its recursion, which stays exact where factorials would not.
  let blocked = 1;
  for (let k = 1; k <= servers; k++) blocked = (offered * blocked) / (k + offered * blocked);
  const waits = blocked / (1 - load * (1 - blocked));
  return 1 + waits / (servers * (1 - load));
}

/** M/M/1: what blind splitting by lot makes of each server. */
export function oneServer(load: number): number {
  return 1 / (1 - load);
}

/** Splitting in turn: the arrivals of each server are Erlang-distributed, GI/M/1 (Kleinrock 1, 6.4). */
export function inTurn(servers: number, load: number): number {
  let sigma = load;
  for (let step = 0; step < 10_000; step++) sigma = ((servers * load) / (servers * load + 1 - sigma)) ** servers;
  return 1 / (1 - sigma);
}

/**
 * The shortest queue of `drawn` different ones out of `servers`: the stationary distribution of the Markov chain over
 * sorted queue lengths, cut at `longest`, by uniformisation and iteration.
 */
export function shortestOf(drawn: number, servers: number, load: number, longest: number): number {
  const states: number[][] = [];
  const numbers = new Map<string, number>();
  (function grow(prefix: number[]): void {
    if (prefix.length === servers) {
      numbers.set(prefix.join(), states.length);
      states.push(prefix);
      return;
    }
    for (let next = prefix.at(-1) ?? 0; next <= longest; next++) grow([...prefix, next]);
  })([]);
  const rate = servers * load + servers;
  const moves: [from: number, to: number, probability: number][] = [];
  for (const [from, queues] of states.entries()) {
    const go = (changed: number[], probability: number): void => {
      const to = numbers.get(changed.sort((a, b) => a - b).join()) ?? from;
      moves.push([from, to, probability]);
    };
    for (let i = 0; i < servers; i++) {
      // The i-th shortest is the shortest of those drawn: the others come from the longer ones.
      const joined = (servers * load * choose(servers - 1 - i, drawn - 1)) / choose(servers, drawn);
      if (joined > 0) go(queues.with(i, (queues[i] as number) + 1), joined / rate);
      go(queues.with(i, Math.max(0, (queues[i] as number) - 1)), 1 / rate);
    }
  }
  const from = Int32Array.from(moves, ([one]) => one);
  const to = Int32Array.from(moves, ([, one]) => one);
  const probability = Float64Array.from(moves, ([, , one]) => one);
  let shares = new Float64Array(states.length);
  shares[0] = 1;
  let before = 0;
  for (let step = 1; step <= 100_000; step++) {
    const next = new Float64Array(states.length);
    for (let i = 0; i < from.length; i++)
      next[to[i] as number] =
        (next[to[i] as number] as number) + (shares[from[i] as number] as number) * (probability[i] as number);
    shares = next;
    if (step % 200 !== 0) continue;
    const tasks = states.reduce((sum, queues, i) => sum + (shares[i] as number) * queues.reduce((a, b) => a + b), 0);
    // Little's law.
    if (Math.abs(tasks - before) < 1e-7) return tasks / (servers * load);
    before = tasks;
  }
  throw new Error('it does not converge');
}

function choose(n: number, k: number): number {
  if (k > n) return 0;
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return ways;
}
