/** What a word is given to do its work: everything that it touches comes in through here, so that tests can give their own. */
import type { Client } from './client.ts';
import type { FlagKey, Flags } from './flags.ts';
import type { Io } from './io.ts';
import type { Notices } from './notices.ts';

export interface Call {
  flags: Flags;
  operands: readonly string[];
  command: readonly string[];
  io: Io;
  notices: Notices;
  /** Connects to the coordinator, once. Throws LbtopError. */
  client(): Promise<Client>;
  /** True where the command line itself says this flag: not a variable, not the settings file. */
  given(flag: FlagKey): boolean;
  /** True where the coordinator can only be reached from this machine, so that all its nodes are on it. */
  local: boolean;
}

/** Does what a word says; resolves with the exit code. Throws LbtopError for what the user has to know. */
export type Word = (call: Call) => Promise<number>;
