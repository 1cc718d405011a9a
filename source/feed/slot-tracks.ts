/**
 * Which slot of its node each attempt of a recording ran on. Facts do not say: a node has so many slots, and what runs there
 * takes turns on them. What a node says comes late and not always in order (the next start before the last end); as a node
 * never runs more than it has room for, such a start is held until the end that made room for it comes.
 */

/** What ran. */
export interface Ran {
  pid: number;
  /** From 1 on. */
  slot: number;
  since: number;
  until: number;
  id: RanId;
  end: string;
}

interface RanId {
  job: number;
  name: string;
  attempt: number;
}

interface Start {
  key: string;
  /** Of the node. */
  pid: number;
  /** CPUs that its tasks may take together. */
  room: number;
  cpus: number;
  id: RanId;
  at: number;
}

interface End {
  at: number;
  /** As the node measured it; null: not known. */
  runMs: number | null;
  how: string;
}

export interface SlotTracks {
  /** True for an attempt that has started and not ended. */
  has(key: string): boolean;
  start(start: Start): void;
  end(key: string, end: End): void;
  /** Ends everything. */
  endAll(at: number, how: string): void;
}

interface Node {
  used: number;
  /** By slot: whether something runs on it, and when the last one ended. */
  slots: { taken: boolean; until: number }[];
  /** Starts for which there was no room yet, with their ends where these came first. */
  held: { start: Start; end: End | null }[];
}

/** `opened` is told of each slot before something `ran` on it, that of each attempt when it has ended. */
export function slotTracks({
  opened,
  ran,
}: {
  opened(pid: number, slot: number): void;
  ran(what: Ran): void;
}): SlotTracks {
  const nodes = new Map<number, Node>();
  const running = new Map<string, { start: Start; slot: number; since: number }>();
  const holding = new Map<string, Node['held'][number]>();

  function nodeOf(pid: number): Node {
    let node = nodes.get(pid);
    if (node === undefined) {
      node = { used: 0, slots: [], held: [] };
      nodes.set(pid, node);
    }
    return node;
  }

  /** Returns the number of a free slot that ended before, or else one that ended soonest. */
  function slotFor(node: Node, { pid, at }: Start): number {
    let best = -1;
    for (const [i, { taken, until }] of node.slots.entries()) {
      if (taken) continue;
      if (until <= at) return i;
      if (best === -1 || until < (node.slots[best] as { until: number }).until) best = i;
    }
    if (best !== -1) return best;
    opened(pid, node.slots.push({ taken: false, until: 0 }));
    return node.slots.length - 1;
  }

  function run(node: Node, start: Start): void {
    const slot = slotFor(node, start);
    const track = node.slots[slot] as Node['slots'][number];
    track.taken = true;
    node.used += start.cpus;
    running.set(start.key, { start, slot, since: Math.max(start.at, track.until) });
  }

  function stop(node: Node, key: string, { at, runMs, how }: End): void {
    const one = running.get(key);
    if (one === undefined) return;
    running.delete(key);
    const { start, slot, since } = one;
    // It ended before it was told.
    const until = Math.max(since, runMs === null ? at : Math.min(at, start.at + runMs));
    node.slots[slot] = { taken: false, until };
    node.used = Math.max(0, node.used - start.cpus);
    ran({ pid: start.pid, slot: slot + 1, since, until, id: start.id, end: how });
  }

  function fits(node: Node, { room, cpus }: Start): boolean {
    return node.used === 0 || node.used + cpus <= room + 1e-9;
  }

  /** Goes on with those that were held, as far as there is room. */
  function release(node: Node): void {
    for (let next = node.held[0]; next !== undefined && fits(node, next.start); next = node.held[0]) {
      node.held.shift();
      holding.delete(next.start.key);
      run(node, next.start);
      if (next.end !== null) stop(node, next.start.key, next.end);
    }
  }

  return {
    has: (key) => running.has(key) || holding.has(key),
    start(start) {
      if (this.has(start.key)) return;
      const node = nodeOf(start.pid);
      if (node.held.length === 0 && fits(node, start)) return run(node, start);
      const held = { start, end: null };
      node.held.push(held);
      holding.set(start.key, held);
    },
    end(key, end) {
      const held = holding.get(key);
      if (held !== undefined) {
        held.end = end;
        return;
      }
      const pid = running.get(key)?.start.pid;
      if (pid === undefined) return;
      const node = nodeOf(pid);
      stop(node, key, end);
      release(node);
    },
    endAll(at, how) {
      for (const [key, { start }] of running) stop(nodeOf(start.pid), key, { at, runMs: null, how });
      for (const node of nodes.values()) {
        release(node);
        for (const { start, end } of node.held) {
          run(node, start);
          stop(node, start.key, end ?? { at, runMs: null, how });
        }
        node.held = [];
        for (const [key, { start }] of running) stop(nodeOf(start.pid), key, { at, runMs: null, how });
      }
      holding.clear();
    },
  };
}
