/** Whether a node may have all rights of a machine, for a coordinator that is not on it. */
import { hostname, networkInterfaces } from 'node:os';
import { LbtopError } from '../model/errors.ts';
import { isLoopback } from '../wire/reach.ts';

/**
 * Throws LbtopError (usage) where tasks of a coordinator on another machine would run as root although nobody said so:
 * whoever reaches that coordinator would own this machine. `hosts`: where the coordinator may be; `runAs`: what --run-as said.
 */
export function refuseRoot(
  hosts: readonly string[],
  runAs: string | undefined,
  uid = process.getuid?.(),
  own: readonly string[] = ownAddresses(),
): void {
  if (uid !== 0 || runAs !== undefined) return;
  const other = hosts.find((host) => !isLoopback(host) && !own.includes(host));
  if (other === undefined) return;
  throw new LbtopError(
    'usage',
    `tasks from ${other} would run as root here: give them to an account with --run-as USER, or say --run-as root`,
  );
}

function ownAddresses(): string[] {
  return [hostname(), ...Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])];
}
