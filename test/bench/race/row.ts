/** What a row of the comparison is: the same work done by several sides, in rounds taken in turn. */

/** Values of one round by the name of their measure. */
export type Figures = Readonly<Record<string, number>>;

export interface Measure {
  name: string;
  unit: string;
  /** Which direction is ahead. */
  better: 'more' | 'less';
}

/** A side that has been started. */
export interface Entrant {
  /** Does the row's work for about so long, or one fixed piece of it. Returns a value for each measure that it has. */
  round(seconds: number): Promise<Figures>;
  stop(): Promise<void>;
}

export interface Side {
  name: string;
  /** Ours are compared with the others, not with each other. */
  ours: boolean;
  /** Of the others: what the work itself takes, which is no rival; the short table names it where there is no other. */
  floor?: boolean;
  /** How it is set up, for a reader who wants to know whether it was treated fairly. */
  tuned: string;
  /** Returns what is missing on this machine, as a line that says how to get it; null where it can run. */
  missing(): string | null;
  /** Of ours: with which of the others it is compared; all if left out. */
  peers?: readonly string[];
  /** `directory`: its own, empty, removed afterwards. */
  start(directory: string): Promise<Entrant>;
}

/** What the row is to reach, checked against its own figures. */
export interface Goal {
  text: string;
  side: string;
  measure: string;
  /** The value is the ratio to this side (above 1: the side is ahead); else the side's own median. */
  over?: string;
  least?: number;
  most?: number;
}

export interface Row {
  id: string;
  title: string;
  /** What is done and measured, in a sentence or two. */
  work: string;
  measures: readonly Measure[];
  sides: readonly Side[];
  goals: readonly Goal[];
  /** What the short table says of it: sides of ours and measures. */
  headlines: readonly (readonly [side: string, measure: string])[];
  /** Rounds at most, where the row has its own number. */
  rounds?: number;
  /** Each round starts everything anew, so that there is nothing to warm up. */
  fresh?: boolean;
}

/** Median, lowest and highest of the rounds. */
export interface Spread {
  median: number;
  low: number;
  high: number;
}

export interface SideResult {
  name: string;
  ours: boolean;
  floor?: boolean;
  tuned: string;
  /** Why it did not run; null where it did. */
  skipped: string | null;
  figures: Record<string, Spread>;
}

/** One of ours against one of the others; above 1: ours is ahead. The ratio is taken within each round. */
export interface Ratio extends Spread {
  ours: string;
  peer: string;
  measure: string;
}

export interface GoalResult {
  text: string;
  value: number | null;
  met: boolean | null;
}

export interface RowResult {
  id: string;
  title: string;
  work: string;
  measures: readonly Measure[];
  rounds: number;
  sides: SideResult[];
  ratios: Ratio[];
  goals: GoalResult[];
  headlines: readonly (readonly [side: string, measure: string])[];
}
