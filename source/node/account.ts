/** The account whose processes the tasks of a node are. */
import { execFileSync } from 'node:child_process';
import { LbtopError } from '../model/errors.ts';
import { shortText } from './short-text.ts';

export interface Account {
  name: string;
  uid: number;
  /** Its first group. A process started as this account is in no other one. */
  gid: number;
  home: string;
  shell: string;
}

/**
 * Returns the account of that name, as this machine knows it. Throws LbtopError (usage) where it knows none, or where this
 * process may not start processes for it.
 */
export function accountOf(name: string): Account {
  // `id` asks whoever knows accounts here: files, a directory service.
  const [uid, gid] = [asked('id', ['-u', '--', name]), asked('id', ['-g', '--', name])].map(Number);
  if (!Number.isInteger(uid) || !Number.isInteger(gid))
    throw new LbtopError('usage', `no account ${shortText(name)} on this machine: check --run-as`);
  const own = process.getuid?.();
  if (own !== 0 && own !== uid)
    throw new LbtopError('usage', `only root can run tasks as ${name}: start the node as root or as ${name}`);
  const entry = asked('getent', ['passwd', '--', name]).split(':');
  return { name, uid: uid as number, gid: gid as number, home: entry[5] || '/', shell: entry[6] || '/bin/sh' };
}

/** What processes of that account have in their environment of it. */
export function accountEnvironment({ name, home, shell }: Account): Record<string, string> {
  return { HOME: home, USER: name, LOGNAME: name, SHELL: shell };
}

/** Returns what child_process wants to know to start a process for an account; it leaves all other groups first. */
export function identityOf(account: Account | null): { uid?: number; gid?: number } {
  return account === null || account.uid === process.getuid?.() ? {} : { uid: account.uid, gid: account.gid };
}

/** NaN as a number where there is no such program or no answer. */
function asked(program: string, args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || '?';
  } catch {
    return '?';
  }
}
