/** Where the coordinator that is meant can be reached. */
import type { Flags } from './flags.ts';
import { type Address, defaultPort, type Places, readCoordinatorFile, type Whereabouts } from './places.ts';

/** Returns where the coordinator may be: as said, else where the local one said that it is, else where one usually is. */
export function findWhereabouts({ connect }: Pick<Flags, 'connect'>, { coordinatorFile }: Places): Whereabouts {
  if (connect !== undefined) return connect;
  const local = readCoordinatorFile(coordinatorFile);
  return [local === null ? { host: '127.0.0.1', port: defaultPort } : { host: local.host, port: local.port }];
}

/**
 * Returns the addresses to try, in order; an engine is asked who leads. Throws LbtopError `unreachable` where it does not
 * answer, or nobody leads.
 */
export async function findAddresses(flags: Pick<Flags, 'connect'>, where: Places): Promise<readonly Address[]> {
  const found = findWhereabouts(flags, where);
  if (!('engine' in found)) return found;
  // Most have no engine: what speaks with one takes longer to load than all the rest.
  const { leaderAddress } = await import('./engine-leader.ts');
  return [await leaderAddress(found.engine)];
}
