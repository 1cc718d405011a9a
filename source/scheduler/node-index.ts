/**
 * Finds a node without looking at all of them: a tournament tree (Knuth, The Art of Computer Programming 3, 5.4.1) over
 * the nodes' places. A leaf holds the rank of an open node, or infinity; an inner node the lower rank of its two children
 * and how many open leaves are below. A change costs log2(n) steps, so does each of the four ways to choose.
 */
export interface NodeIndex {
  /** How many nodes are open. */
  readonly open: number;
  /** Opens a place with a rank (lower is better), or closes it with Infinity. */
  set(place: number, rank: number): void;
  /** The rank of a place; Infinity where it is not open. */
  rankOf(place: number): number;
  /** Place of the lowest rank, the earliest place among equals; -1 where nothing is open. */
  lowest(): number;
  /** The first open place after `place`, going round; -1 where nothing is open. */
  next(place: number): number;
  /** The open place of that number, counted from 0 in order of place; -1 where there are not so many. */
  nth(number: number): number;
  /** Open places from the lowest rank up, until `take` returns true; returns that place, or -1. */
  search(take: (place: number) => boolean): number;
}

/** Returns an index with nothing open. It grows by itself. */
export function nodeIndex(): NodeIndex {
  let size = 16;
  let ranks = new Float64Array(2 * size).fill(Infinity);
  let counts = new Uint32Array(2 * size);

  function grow(place: number): void {
    const before = ranks.subarray(size);
    while (size <= place) size *= 2;
    const leaves = before;
    ranks = new Float64Array(2 * size).fill(Infinity);
    counts = new Uint32Array(2 * size);
    ranks.set(leaves, size);
    for (let i = 0; i < size; i++) counts[size + i] = ranks[size + i] === Infinity ? 0 : 1;
    for (let i = size - 1; i >= 1; i--) join(i);
  }

  function join(i: number): void {
    const left = ranks[2 * i] as number;
    const right = ranks[2 * i + 1] as number;
    ranks[i] = Math.min(right, left);
    counts[i] = (counts[2 * i] as number) + (counts[2 * i + 1] as number);
  }

  function lowestBelow(root: number): number {
    if (ranks[root] === Infinity) return -1;
    let i = root;
    while (i < size) i = ranks[2 * i] === ranks[i] ? 2 * i : 2 * i + 1;
    return i - size;
  }

  /** How many open places are below `place`. */
  function openBefore(place: number): number {
    let before = 0;
    for (let i = Math.min(place, size - 1) + size; i > 1; i >>= 1) if (i & 1) before += counts[i - 1] as number;
    return place >= size ? (counts[1] as number) : before;
  }

  function nth(number: number): number {
    if (number < 0 || number >= (counts[1] as number)) return -1;
    let rest = number;
    let i = 1;
    while (i < size) {
      const left = counts[2 * i] as number;
      if (rest < left) i = 2 * i;
      else {
        rest -= left;
        i = 2 * i + 1;
      }
    }
    return i - size;
  }

  return {
    get open() {
      return counts[1] as number;
    },
    set(place, rank) {
      if (place >= size) {
        if (rank === Infinity) return;
        grow(place);
      }
      let i = size + place;
      if (ranks[i] === rank) return;
      ranks[i] = rank;
      counts[i] = rank === Infinity ? 0 : 1;
      for (i >>= 1; i >= 1; i >>= 1) join(i);
    },
    rankOf: (place) => (place < size ? (ranks[size + place] as number) : Infinity),
    lowest: () => lowestBelow(1),
    next(place) {
      const open = counts[1] as number;
      return open === 0 ? -1 : nth(openBefore(place + 1) % open);
    },
    nth,
    search(take) {
      // Subtrees not yet opened, as a binary heap by rank: the best leaf is always below the first.
      const heap = [1];
      while (heap.length > 0) {
        const root = popLowest(heap, ranks);
        if (ranks[root] === Infinity) return -1;
        if (root >= size) {
          if (take(root - size)) return root - size;
          continue;
        }
        pushRanked(heap, 2 * root, ranks);
        pushRanked(heap, 2 * root + 1, ranks);
      }
      return -1;
    },
  };
}

/** Equal ranks: the earlier place first, and a subtree before the leaves to its right. */
function before(a: number, b: number, ranks: Float64Array): boolean {
  const difference = (ranks[a] as number) - (ranks[b] as number);
  if (difference !== 0) return difference < 0;
  const depth = Math.clz32(b) - Math.clz32(a);
  return depth >= 0 ? a >> depth < b || (a >> depth === b && depth > 0) : a <= b >> -depth;
}

function pushRanked(heap: number[], item: number, ranks: Float64Array): void {
  if (ranks[item] === Infinity) return;
  let child = heap.push(item) - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!before(item, heap[parent] as number, ranks)) break;
    heap[child] = heap[parent] as number;
    child = parent;
  }
  heap[child] = item;
}

function popLowest(heap: number[], ranks: Float64Array): number {
  const first = heap[0] as number;
  const last = heap.pop() as number;
  if (heap.length === 0) return first;
  let parent = 0;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as number, heap[child] as number, ranks)) child++;
    if (!before(heap[child] as number, last, ranks)) break;
    heap[parent] = heap[child] as number;
    parent = child;
  }
  heap[parent] = last;
  return first;
}
