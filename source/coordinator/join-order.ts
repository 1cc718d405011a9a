/** Which of a node's connections is the newest: what an older one says may reach us later, when it was held up on its way. */
export interface JoinOrder {
  /**
   * Returns whether a later join of the same process came before this one; else remembers it. `joins`: which one it is, from
   * 1; 0 where the node does not say, and then it is never stale.
   */
  isStale(node: string, incarnation: string, joins: number): boolean;
}

/** Returns the order of the joins of one coordinator: with it all older connections are gone. */
export function joinOrder(): JoinOrder {
  const newest = new Map<string, { incarnation: string; joins: number }>();
  return {
    isStale(node, incarnation, joins) {
      const known = newest.get(node);
      if (known?.incarnation === incarnation && joins > 0 && joins <= known.joins) return true;
      newest.set(node, { incarnation, joins });
      return false;
    },
  };
}
