/** Bugs that a test switches on, to see that the checks find them. None of them is in the product. */
export const plants = [
  /** Words leave before what they follow from is durable. */
  'early words',
  /** At a crash the journal loses a batch that it had called durable. */
  'short journal',
  /** Some facts are not written down. */
  'unwritten facts',
  /** What a node says of an old attempt counts for the current one. */
  'stale attempts',
  /** An assignment is sent twice. */
  'assigned twice',
  /** What was taken back while it became durable is sent all the same. */
  'sent after all',
  /** An end is settled and not taken in. */
  'dropped ends',
  /** A task that was given back is not taken in. */
  'dropped returns',
  /** Each node is given one slot too many. */
  'a slot too many',
  /** What left before it was written is not looked for after a crash. */
  'intents forgotten',
  /** Recovery forgets that tasks must not run twice. */
  'no-retry forgotten',
  /** Time does not pass for the scheduler. */
  'no ticks',
  /** A node's end is applied twice. */
  'applied twice',
] as const;
export type Plant = (typeof plants)[number];
