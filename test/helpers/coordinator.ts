/** A coordinator within the test's own process, its clients, and what it logs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type ClientOptions, connectClient } from '../../source/client/client.ts';
import { type Coordinator, type CoordinatorOptions, startCoordinator } from '../../source/coordinator/coordinator.ts';

export interface HereCoordinator {
  readonly coordinator: Coordinator;
  readonly directory: string;
  readonly secret: Buffer;
  readonly log: string[];
  /** Connects with the secret, unless told otherwise. */
  client(options?: Partial<ClientOptions>): Promise<Client>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts it with everything in memory, unless told otherwise. */
export async function coordinatorHere(options: Partial<CoordinatorOptions> = {}): Promise<HereCoordinator> {
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-test-'));
  const secret = Buffer.alloc(32, 7);
  const log: string[] = [];
  const clients: Client[] = [];
  const coordinator = await startCoordinator({
    host: '127.0.0.1',
    port: 0,
    secret,
    version: '0.0.0',
    policy: null,
    queue: null,
    cpuLimit: 100,
    data: null,
    purgeAfterMs: null,
    keepTasks: null,
    seed: 1,
    record: null,
    metrics: null,
    log: (line) => log.push(line),
    onShutdown() {},
    onOutdated(error) {
      throw error;
    },
    fatal(error) {
      throw error;
    },
    ...options,
  }).catch(async (error) => {
    await rm(directory, { recursive: true });
    throw error;
  });
  return {
    coordinator,
    directory,
    secret,
    log,
    async client(more = {}) {
      const { host, port } = coordinator;
      const client = await connectClient({ host, port, secret, ...more });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await coordinator.stop('the test ends');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
