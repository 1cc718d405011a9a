/** Who leads in an engine, now or from now on. */
import { LbtopError } from '../model/errors.ts';
import { openEtcd } from '../wire/etcd.ts';
import { parseEtcdAddress } from '../wire/etcd-address.ts';
import { followLeader, leaderNow } from '../wire/leader.ts';
import { type Address, parseAddress } from './places.ts';

/** Returns the leader's address. Throws LbtopError `unreachable` where the engine does not answer, or nobody leads. */
export async function leaderAddress(engine: string): Promise<Address> {
  const etcd = openEtcd(parseEtcdAddress(engine));
  try {
    const leader = await leaderNow(etcd);
    const address = leader === null ? undefined : parseAddress(leader.address);
    if (address === undefined)
      throw new LbtopError(
        'unreachable',
        `no coordinator leads in ${engine}: start one with lbtop --coordinator --store ${engine}`,
      );
    return address;
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
