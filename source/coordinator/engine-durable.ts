/** A coordinator's durable side in an engine, as the one that leads, or as one that stands by until it does. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { openEngineStore } from '../journal/engine.ts';
import type { Credential } from '../wire/credential.ts';
import { connect } from '../wire/endpoint.ts';
import { hostPort, reachableHost } from '../wire/reach.ts';
import { type Durable, newDurable, readUpTo, writerAt } from './durable.ts';
import { shadowOf } from './shadow.ts';
import { beginTerm, standBy, type Touch } from './succession.ts';

export interface EngineOptions {
  /** `etcd://…` */
  store: string;
  /** Where the coordinator is to listen; others find it there. */
  host: string;
  port: number;
  /** What to show to the leader: asked for each time, as it may change meanwhile. */
  secret(): Promise<Credential | null>;
  version: string;
  /** Waits to take over instead of refusing where another one leads. */
  standby: boolean;
  /** A snapshot is made after so many facts; for tests. */
  snapshotFacts?: number;
  signal: AbortSignal;
  /** Is told how much has been read back, 0 to 1, where it leads at once. */
  recovering?: ((share: number) => void) | undefined;
  log(line: string): void;
}

const touchMs = 1_000;

/** Resolves when this process leads. Throws LbtopError: `unreachable` where the engine does not answer, as `beginTerm`. */
export async function openEngineDurable(options: EngineOptions): Promise<Durable> {
  const { host, port, log, standby, snapshotFacts, signal, recovering } = options;
  const store = await openEngineStore(options.store);
  const me = writerAt(hostPort(reachableHost(host), port));
  const journal = { engine: options.store };
  try {
    if (!standby) {
      const term = await beginTerm(store, me);
      return newDurable({
        store,
        term,
        state: await readUpTo(store, term.head, log, recovering),
        journal,
        snapshotFacts,
        log,
      });
    }
    const shadow = shadowOf(store, log);
    try {
      const term = await standBy({ store, me, touch: touchBy(options), log, signal });
      return newDurable({ store, term, state: await shadow.upTo(term.head), journal, snapshotFacts, log });
    } finally {
      await shadow.close();
    }
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Holds a connection with the leader, and says nothing on it. */
function touchBy({ secret, version }: EngineOptions): Touch {
  return async ({ address }, over, signal) => {
    const { hostname: host, port } = new URL(`tcp://${address}`);
    let orderly = false;
    const connection = await connect({
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(port),
      secret: await secret(),
      version,
      role: 'viewer',
      who: `standby@${hostname()}`,
      timeoutMs: touchMs,
      signal,
      events: {
        messages(batch) {
          if (batch.some(({ kind }) => kind === 'bye')) orderly = true;
        },
        closed: () => over(orderly),
      },
    });
    const leave = () => connection.close('it stands by no longer');
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  };
}

/** Returns a port that is free now: an address has to be known before anybody listens there. */
export async function freePort(host: string): Promise<number> {
  const server = createServer().listen({ host, port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await once(server.close(), 'close');
  return port;
}
