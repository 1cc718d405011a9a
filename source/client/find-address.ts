/** Where the coordinator that is meant can be reached. */
import type { Flags } from './flags.ts';
import { type Address, defaultPort, type Places, readCoordinatorFile } from './places.ts';

/** Returns where the coordinator is: as said, else where the local one said that it is, else where one usually is. */
export function findAddress({ connect }: Pick<Flags, 'connect'>, { coordinatorFile }: Places): Address {
  if (connect !== undefined) return connect;
  const local = readCoordinatorFile(coordinatorFile);
  return local === null ? { host: '127.0.0.1', port: defaultPort } : { host: local.host, port: local.port };
}
