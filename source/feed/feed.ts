/**
 * All that an interface knows of the world: windows come, looks go, commands have an outcome. A coordinator on this machine,
 * one far away and a trace are the same to it; what one of them cannot do is absent.
 */
import type { DisciplineName, PolicyName } from '../model/job.ts';
import type { DrainPreview, Explanation } from '../model/report.ts';
import type { Look } from '../view/look.ts';
import type { Window } from '../view/window.ts';

/** What an operator asks for. Nodes by name, tasks by the index that users see (null: the whole job). */
export type Command =
  | { kind: 'pause' | 'resume'; nodes: readonly string[]; reason: string }
  | { kind: 'drain'; nodes: readonly string[]; now: boolean; reason: string }
  | { kind: 'throttle'; nodes: readonly string[]; share: number }
  | { kind: 'cancel'; job: number; index: number | null }
  | { kind: 'retry'; job: number; index: number | null; onlyFailed: boolean }
  | { kind: 'purge'; job: number }
  | { kind: 'pause-queue'; paused: boolean; reason: string }
  | { kind: 'policy'; policy: PolicyName; queue: DisciplineName | null }
  | { kind: 'record'; file: string | null }
  | { kind: 'shutdown'; reason: string };

/** What became of a command: `says` tells what was done, `why` what was wrong. Either may hold foreign text. */
export type Outcome = { accepted: true; says: string } | { accepted: false; why: string };

/** Whether windows can be expected. */
export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  /** It broke and is being tried again; what is shown is as it was. */
  | { state: 'lost'; why: string }
  /** Nothing will come any more. */
  | { state: 'ended'; why: string };

export interface FeedListener {
  /** Called with each window; the next one may come only after this has returned. */
  window(window: Window): void;
  connection(connection: Connection): void;
  /** The position in time changed; only where the feed has `time`. */
  time?(at: TimeState): void;
}

export interface Feed {
  /** Begins: windows that answer `look` come until `close`. Called once. */
  open(look: Look, listener: FeedListener): void;
  /** Looks at something else; the answer comes as soon as there is one. */
  look(look: Look): void;
  /** Absent where nothing may be done (read-only, a trace). While `time` shows the past the interface does not call it. */
  act?(command: Command): Promise<Outcome>;
  /** Why this would be refused, before anybody is asked whether it shall be; null where nothing speaks against it. */
  objection?(command: Command): Promise<string | null>;
  /** Why a task waits, or went where it went. Throws where the question is refused. */
  explain?(job: number, index: number): Promise<Explanation>;
  /** The end of what a task has written so far, as bytes of both streams. Throws where the question is refused. */
  logTail?(job: number, index: number, bytes: number): Promise<Uint8Array>;
  /** Gives the same and then what comes, as it comes, until it is closed; `onEnd` tells of its end. */
  followLog?(
    job: number,
    index: number,
    bytes: number,
    onBytes: (piece: Uint8Array) => void,
    onEnd: (why: string | null) => void,
  ): { close(): void };
  /** What draining these nodes would do. Throws where the question is refused. */
  drainPreview?(nodes: readonly string[]): Promise<DrainPreview>;
  /** Present where one can move in time: a trace, or a session whose past is kept. */
  time?: TimeControl;
  /** Ends; calls nothing of the listener any more. */
  close(): void;
}

/** Where a replay stands. Instants in ms since the epoch. */
export interface TimeState {
  at: number;
  /** The first and the last instant that one can go to. */
  from: number;
  to: number;
  playing: boolean;
  /** 1: as it was; 4: four times as fast. */
  speed: number;
  /** The number of events up to `at`, and of all that are known. */
  event: number;
  events: number;
  /** True where it follows a running session: `at` is now, and one may act. */
  live: boolean;
}

/** An instant worth jumping to: a node lost, a failure, an operator's action. */
export interface Incident {
  at: number;
  kind: 'lost' | 'failed' | 'operator' | 'joined';
}

/** Movement in time. None of these waits: the windows and `time` calls that follow show what came of it. */
export interface TimeControl {
  /** As of now. */
  state(): TimeState;
  /** In order of time; at most a few thousand, for the bar and for jumps. */
  incidents(): readonly Incident[];
  toggle(): void;
  seek(at: number): void;
  /** Multiplies the speed, within 1/8 to 64. */
  faster(factor: number): void;
  /** Stops, and goes one event on (1) or back (-1). */
  step(direction: 1 | -1): void;
  /** Goes to the next (1) or previous (-1) incident. */
  jump(direction: 1 | -1): void;
  /** Leaves the running session for the end of its past. Rejects where none is kept; absent for a trace. */
  freeze?(): Promise<void>;
  /** Returns to the running session; absent for a trace. */
  follow?(): void;
}
