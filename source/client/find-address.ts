/** Where the coordinator that is meant can be reached. */
import { LbtopError } from '../model/errors.ts';
import { openEtcd } from '../wire/etcd.ts';
import { parseEtcdAddress } from '../wire/etcd-address.ts';
import { followLeader, leaderNow } from '../wire/leader.ts';
import type { Flags } from './flags.ts';
import {
  type Address,
  defaultPort,
  type Places,
  parseAddress,
  readCoordinatorFile,
  type Whereabouts,
} from './places.ts';

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
  const etcd = openEtcd(parseEtcdAddress(found.engine));
  try {
    const leader = await leaderNow(etcd);
    const address = leader === null ? undefined : parseAddress(leader.address);
    if (address === undefined)
      throw new LbtopError(
        'unreachable',
        `no coordinator leads in ${found.engine}: start one with lbtop --coordinator --store ${found.engine}`,
      );
    return [address];
  } finally {
    etcd.close();
  }
}

/** Who leads in an engine, from now on. */
export interface LeaderWatch {
  /** Null while nobody does, or the engine does not say. */
  readonly address: Address | null;
  /** Called with every other one. */
  onChange(listener: () => void): void;
  close(): void;
}

/** Each asks again after so long: thousands of nodes together should not be much. */
const watchQuietMs = 10_000;

/** Watches who leads in the engine. Throws LbtopError for an address that is none. */
export function watchLeader(engine: string): LeaderWatch {
  const etcd = openEtcd(parseEtcdAddress(engine));
  const ending = new AbortController();
  const listeners = new Set<() => void>();
  let address: Address | null = null;
  const tell = (leader: { address: string } | null): void => {
    address = leader === null ? null : (parseAddress(leader.address) ?? null);
    for (const listener of listeners) listener();
  };
  void followLeader(etcd, tell, ending.signal, watchQuietMs).catch(() => {});
  return {
    get address() {
      return address;
    },
    onChange: (listener) => void listeners.add(listener),
    close() {
      ending.abort();
      etcd.close();
    },
  };
}
