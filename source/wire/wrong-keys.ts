/**
 * Where wrong secrets come from: who has lately shown several has to wait before the next one is looked at. It is a wait
 * and not a wall, because one address may be that of many (a gateway, this machine itself), and some of them belong here.
 */
import { isIPv6 } from 'node:net';
import { wrongKeyWaits } from '../model/limits.ts';

export interface WrongKeys {
  /** A handshake from this host showed no key that we know. */
  shown(host: string): void;
  /** Somebody from this host was let in. */
  forgive(host: string): void;
  /** How long the next handshake from there is to wait, in ms. */
  waitMs(host: string): number;
}

/** What is known of one host: how often, and when last. */
interface Record {
  count: number;
  at: number;
}

/** Takes a monotonic clock in ms; returns an account in which nobody has done anything. It keeps a bounded number of hosts. */
export function wrongKeys(now: () => number = () => performance.now()): WrongKeys {
  /** In the order of the last time. */
  const records = new Map<string, Record>();

  function current(site: string): Record | undefined {
    const record = records.get(site);
    if (record === undefined || now() - record.at < wrongKeyWaits.forgottenMs) return record;
    records.delete(site);
    return undefined;
  }

  return {
    shown(host) {
      const site = siteOf(host);
      const count = (current(site)?.count ?? 0) + 1;
      records.delete(site);
      records.set(site, { count, at: now() });
      const [oldest] = records.keys();
      if (records.size > wrongKeyWaits.hosts && oldest !== undefined) records.delete(oldest);
    },
    forgive(host) {
      records.delete(siteOf(host));
    },
    waitMs(host) {
      const { free, firstMs, mostMs } = wrongKeyWaits;
      const count = current(siteOf(host))?.count ?? 0;
      return count < free ? 0 : Math.min(mostMs, firstMs * 2 ** Math.min(count - free, 30));
    },
  };
}

/** One customer of a provider has a whole /64 of IPv6, and could otherwise come from another address each time. */
function siteOf(host: string): string {
  if (!isIPv6(host) || host.startsWith('::ffff:')) return host;
  const [head = '', tail] = host.split('::');
  const groups = head.split(':');
  if (tail !== undefined) while (groups.length < 4) groups.push('0');
  return groups.slice(0, 4).join(':');
}
