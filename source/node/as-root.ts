/** Whether a node may have all rights of a machine, for a coordinator that is not on it. */
import { hostname, networkInterfaces } from 'node:os';
import { LbtopError } from '../model/errors.ts';
import { isLoopback } from '../wire/reach.ts';
import type { Account } from './account.ts';

/**
 * Throws LbtopError (usage) where tasks of a coordinator on another machine would run as root although nobody said so:
 * whoever reaches that coordinator would own this machine. `host`: where it is; `runAs`: whose processes tasks are to be,
 * null where nobody said. Asked for each connection: in an engine the lead may pass to another machine.
 */
export function refuseRoot(
  host: string,
  runAs: Account | null,
  uid = process.getuid?.(),
  own: readonly string[] = ownAddresses(),
): void {
  if (uid !== 0 || runAs !== null || isLoopback(host) || own.includes(host)) return;
  throw new LbtopError(
    'usage',
    `tasks from ${host} would run as root here: give them to an account with --run-as USER, or say --run-as root`,
  );
}

function ownAddresses(): string[] {
  return [hostname(), ...Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])];
}
