/** Puts a coordinator together: the scheduler, its loop, the sessions, the outputs, and a listening socket. */

import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { windowHub } from '../feed/hub.ts';
import { liveHistory } from '../feed/live-history.ts';
import { type Recorder, startRecorder } from '../feed/recorder.ts';
import { LbtopError, oneLine } from '../model/errors.ts';
import type { Event } from '../model/event.ts';
import type { Fact } from '../model/fact.ts';
import type { DisciplineName, PolicyName } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { policyObjection } from '../scheduler/policies/policies.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import type { State } from '../scheduler/state.ts';
import { emptySeries, observe } from '../view/series.ts';
import type { Recording } from '../view/window.ts';
import type { Certificate } from '../wire/certificate.ts';
import { listen } from '../wire/endpoint.ts';
import type { Log } from '../wire/log-line.ts';
import type { MetricsEndpoint } from '../wire/metrics-endpoint.ts';
import { hostPort, reachableHost } from '../wire/reach.ts';
import { loadFormerSecret, loadSecret, replaceSecret, secretAgain } from '../wire/secret.ts';
import { access } from './access.ts';
import type { Desk } from './answers.ts';
import { auditLog } from './audit.ts';
import { acceptClient } from './client-session.ts';
import { monotonicClock } from './clock.ts';
import { type Durable, openDurable } from './durable.ts';
import { effects } from './effects.ts';
import { itemShelf } from './item-shelf.ts';
import { jobWatch } from './job-watch.ts';
import { logFact } from './log-fact.ts';
import { startLoop } from './loop.ts';
import type { CoordinatorMetrics } from './metrics.ts';
import type { NodeRegister } from './node-register.ts';
import { nodeSessions, type WatchedJournal } from './node-session.ts';
import { quotaOutputs } from './output-quota.ts';
import { memoryOutputs } from './outputs.ts';
import { keptTasks, startRetention } from './retention.ts';
import { storedOutputs } from './stored-outputs.ts';
import { ticketOffice } from './ticket-office.ts';
import { tokenList } from './token-list.ts';

export interface CoordinatorOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** The secret, or a certificate in its place. Null: neither encrypted nor authenticated; for tests and benchmarks. */
  secret: Buffer | Certificate | null;
  /** Where the secret lies; without it, it cannot be rotated. */
  secretFile?: string;
  version: string;
  /** Null: what the recovered state says, else the defaults. */
  policy: PolicyName | null;
  queue: DisciplineName | null;
  /** Percent; null as above. */
  cpuLimit: number | null;
  /** Durable state is kept in this directory; null: all is in memory, and gone with the process. */
  data: string | null;
  /** Goes on with data that are an older copy. */
  forceOlderData?: boolean;
  /** Ended jobs are forgotten so long after their end; null: however old. */
  purgeAfterMs: number | null;
  /** The oldest ended jobs are forgotten where they have more tasks together; null: as retention.ts says. */
  keepTasks: number | null;
  /** The engine that keeps durable state, `etcd://…`, instead of the directory; null, the default: none. */
  store?: string | null;
  /** With an engine: waits to take over from whoever leads. */
  standby?: boolean;
  /** Ends the waiting. */
  signal?: AbortSignal;
  /** Seed of the policies that draw lots. */
  seed: number;
  /** Records the session into this file from the start. */
  record: string | null;
  /** Measurements for Prometheus are served there; null: nowhere. */
  metrics: { host: string; port: number } | null;
  /** Is told how much of what was kept has been read back, 0 to 1. */
  recovering?: (share: number) => void;
  log: Log;
  /** A client asked for the end. */
  onShutdown(reason: string): void;
  /** A node has shown that the durable state is an older copy: it should not be gone on with. */
  onOutdated(error: LbtopError): void;
  /** Something is broken so that nothing more may be acknowledged. */
  fatal(error: unknown): void;
}

export interface Coordinator {
  readonly host: string;
  readonly port: number;
  readonly state: State;
  /** Ends it: what was acknowledged is durable, recordings are complete; nodes go on with their tasks. */
  stop(reason: string): Promise<void>;
}

/** Returns a coordinator that listens. Throws LbtopError where the address, the data or the recording's file cannot be had. */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const objection = policyObjection(options.policy, options.queue);
  if (objection !== null) throw new LbtopError('usage', objection);
  const secret = secretOf(options);
  const durable = await durableOf(options, secret);
  if (durable === null) return startWith(options, null);
  try {
    return await startWith({ ...options, port: durable.port, secret: await secret() }, durable.durable);
  } catch (error) {
    await durable.durable.close();
    throw error;
  }
}

/** One that stands by does so for long: its secret is the one that its file holds when it is needed. */
function secretOf({ secret, secretFile, standby = false, log }: CoordinatorOptions) {
  if (!standby || secretFile === undefined || !Buffer.isBuffer(secret)) return async () => secret;
  return secretAgain(() => loadSecret(secretFile), secret, log);
}

/** Resolves when this process may write, with the port to listen on: in an engine it was told to the others. */
async function durableOf(
  options: CoordinatorOptions,
  secret: () => Promise<CoordinatorOptions['secret']>,
): Promise<{ durable: Durable; port: number } | null> {
  const { host, port, store = null, standby = false, data, forceOlderData, recovering, log } = options;
  const signal = options.signal ?? new AbortController().signal;
  if (store !== null) {
    const { freePort, openEngineDurable } = await import('./engine-durable.ts');
    const known = port === 0 ? await freePort(host) : port;
    return {
      durable: await openEngineDurable({ ...options, store, standby, signal, secret, port: known }),
      port: known,
    };
  }
  if (data === null) return null;
  const address = `${host}:${port}`;
  return { durable: await openDurable({ directory: data, address, forceOlderData, recovering, log }), port };
}

async function startWith(options: CoordinatorOptions, durable: Durable | null): Promise<Coordinator> {
  const { version, log } = options;
  const clock = monotonicClock(durable?.state.at);
  const scheduler = createScheduler(durable?.state);
  const { state } = scheduler;
  const series = emptySeries(state.acts);
  const outputs = quotaOutputs(
    durable === null ? memoryOutputs() : storedOutputs({ ...durable, log }),
    limits.outputBytesPerJob,
  );
  const items = itemShelf(durable);
  for (const job of state.jobs.values())
    if (job.endedAt === null && job.spec.items !== 'none') await items.restore(job.id);
  const watch = jobWatch();
  let recorder: Recorder | null = null;
  let measured: CoordinatorMetrics | null = null;

  const history = liveHistory({
    directory: options.data === null ? join(tmpdir(), `lbtop-history-${process.pid}`) : join(options.data, 'history'),
    start: (file) => startRecorder({ file, version, state, series, log: () => {} }),
    log,
  });

  function handled(event: Event, facts: readonly Fact[]): void {
    for (const fact of facts) {
      observe(series, state, fact);
      if (fact.kind === 'job-purged') outputs.forget(fact.job);
    }
    recorder?.record(facts, event);
    if (facts.length === 0) return;
    history.record(facts);
    measured?.observe(facts);
  }

  const loop = startLoop({
    scheduler,
    clock,
    handled,
    commit: durable?.commit ?? null,
    intents: durable?.intents ?? null,
    fatal: options.fatal,
  });
  const retention = startRetention({
    state,
    loop,
    clock,
    purgeAfterMs: options.purgeAfterMs,
    keepTasks: options.keepTasks ?? keptTasks,
  });
  const nodes = nodeSessions({ state, loop, outputs, journal: watchedJournal(durable, options), log });
  const tickets = ticketOffice({ state, session: nodes.get, now: Date.now });
  const say = effects({ state, items, session: nodes.get, tickets });
  loop.onWritten(say.written);
  loop.onFacts(say.durable);
  loop.onFacts(watch.observe);
  loop.onFacts((facts) => {
    for (const fact of facts) {
      if (fact.kind === 'ended') outputs.ended(fact.job, fact.ordinal);
      if (fact.kind === 'job-closed') outputs.ended(fact.job, null);
      if (fact.kind === 'job-purged') items.delete(fact.job);
      logFact(fact, log);
    }
  });

  async function record(file: string | null): Promise<string | null> {
    if (recorder !== null && file !== null)
      throw new LbtopError('usage', `already recording into ${recorder.file}: end that first`);
    if (file === null) {
      const ending = recorder;
      recorder = null;
      await ending?.close();
      return null;
    }
    recorder = startRecorder({ file, version, state, series, anew: scheduler.anew, log });
    return file;
  }

  const { secretFile } = options;
  const guarded = access({
    secret: options.secret,
    former: secretFile === undefined ? null : await loadFormerSecret(secretFile, Date.now()),
    tokens: await tokenList(durable, Date.now),
    now: Date.now,
    keep: secretFile === undefined ? null : (secret, former) => replaceSecret(secretFile, secret, former),
    log,
  });

  const audit = auditLog(log, loop.post);

  async function serve(address: { host: string; port: number }): Promise<MetricsEndpoint> {
    const [{ coordinatorMetrics }, { serveMetrics }] = await Promise.all([
      import('./metrics.ts'),
      import('../wire/metrics-endpoint.ts'),
    ]);
    measured = coordinatorMetrics({
      state,
      now: clock.now,
      journalBytes: desk.journalBytes,
      full: () => durable?.room.full() ?? null,
    });
    const serving = await serveMetrics(address, measured.metrics);
    log(`metrics at http://${hostPort(serving.host, serving.port)}/metrics`);
    return serving;
  }

  const desk: Desk = {
    scheduler,
    series,
    loop,
    clock,
    outputs,
    items,
    watch,
    tickets,
    hub: windowHub(() => ({ state, series, now: clock.now(), recording: recordingOf(recorder) }), history.watched),
    history,
    access: guarded,
    address: () => hostPort(reachableHost(listener.host), listener.port),
    audit,
    record,
    shutdown: options.onShutdown,
    journalBytes: () => durable?.store.bytes() ?? 0,
    room: durable?.room ?? null,
    durable: async () => durable?.commits.commit([]),
  };

  loop.post({
    kind: 'session',
    version,
    policy: options.policy,
    discipline: options.queue,
    cpuLimit: options.cpuLimit,
    seed: options.seed,
  });
  if (options.record !== null) await record(options.record);
  const endpoint = options.metrics === null ? null : await serve(options.metrics);
  const listener = await listen({
    host: options.host,
    port: options.port,
    secret: guarded.door,
    version,
    data: durable === null ? randomBytes(12).toString('base64url') : (durable.lineage?.id ?? ''),
    admit: (_hello, identity) => guarded.objection(identity),
    peer(connection, { role, who }, identity) {
      const { address } = connection;
      const events =
        role === 'node' ? nodes.accept(connection) : acceptClient(connection, { role, who, identity, address }, desk);
      return guarded.guard(connection, identity, events);
    },
    rejected: (address, reason) => log(`${address} turned away: ${reason}`),
    cutOff: (address, reason) => log(`${address} cut off: ${reason}`),
  }).catch(async (error) => {
    await endpoint?.close();
    retention[Symbol.dispose]();
    await loop.stop();
    await recorder?.close();
    throw error;
  });
  const register = options.store == null || durable === null ? null : await registerIn(options.store, durable.epoch);
  durable?.lost.addEventListener('abort', () => {
    // Who is with us finds the new one sooner; and it would be told nothing more.
    void listener.close();
    options.fatal(durable.lost.reason);
  });

  async function registerIn(store: string, epoch: number): Promise<NodeRegister> {
    const { nodeRegister } = await import('./node-register.ts');
    const opened = nodeRegister(store, state, epoch);
    loop.onFacts(opened.observe);
    return opened;
  }

  return {
    host: listener.host,
    port: listener.port,
    state,
    async stop(reason) {
      audit.flush();
      log(`ends: ${reason}`);
      retention[Symbol.dispose]();
      guarded[Symbol.dispose]();
      tickets.close();
      await Promise.all([listener.close(), endpoint?.close(), register?.close()]);
      // Not one after the other: where the journal waits for room, its end is what the loop waits for.
      await Promise.all([loop.stop(), durable?.close()]);
      await recorder?.close().catch((error) => log(`recording: ${oneLine(error)}`));
      await history.close();
    },
  };
}

/** Null where nodes are not to keep anything. */
function watchedJournal(durable: Durable | null, { onOutdated }: CoordinatorOptions): WatchedJournal | null {
  if (durable?.lineage == null) return null;
  return { lineage: durable.lineage, head: () => durable.commits.head, outdated: onOutdated };
}

/** What interfaces show of a recording. */
function recordingOf(recorder: Recorder | null): Recording | null {
  if (recorder === null) return null;
  const { bytes, why } = recorder.status();
  return { file: recorder.file, bytes, stalled: why ?? '' };
}
