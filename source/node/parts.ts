/** What an agent is made of, put together. */
import os from 'node:os';
import { join } from 'node:path';
import type { LbtopError } from '../model/errors.ts';
import { killing, limits, liveness } from '../model/limits.ts';
import type { NodeInfo } from '../model/node.ts';
import type { Clock } from './clock.ts';
import { converse, lateLink } from './conversation.ts';
import type { Direct, DirectOptions } from './direct.ts';
import { dutyCycle } from './duty-cycle.ts';
import { sharedEnvironment } from './environment.ts';
import { type Executor, executor } from './executor.ts';
import { onExit } from './exit-hooks.ts';
import { type Heartbeat, heartbeat } from './heartbeat.ts';
import { noRules } from './house-rules.ts';
import { endLeftovers } from './leftovers.ts';
import type { Link } from './link.ts';
import type { AgentOptions } from './options.ts';
import { type OutputPump, outputPump } from './output-pump.ts';
import { openReceipt } from './receipt.ts';
import { reports } from './reports.ts';
import { handlerNames } from './runners/handler-pool.ts';
import { removeLeftPipes } from './runners/named-pipes.ts';
import { type Machine, openSampler } from './sampler.ts';
import { noSpool, openSpool, type Spool } from './spool.ts';
import { openTaskGroups, type TaskGroups } from './task-groups.ts';
import { type Handlers, openWorkshop, type Workshop } from './workshop.ts';

/** What a started agent is made of. */
export interface Parts {
  slots: number;
  machine: Machine;
  link: Link;
  tasks: Executor;
  pump: OutputPump;
  workshop: Workshop;
  heartbeat: Heartbeat;
  throttle(): number;
  /** Says at once what is gathered to be said. */
  flush(): void;
  /** Ends timers, helpers and descriptors; after the link. */
  close(): void;
}

/**
 * Puts an agent together and lets it connect. `refused` is called where a coordinator will not have it. Rejects with
 * LbtopError where another agent has its state, and with what the file system throws.
 */
export async function assemble(
  options: AgentOptions,
  clock: Clock,
  incarnation: string,
  refused: (error: LbtopError) => void,
): Promise<Parts> {
  const { name, log, rules = noRules } = options;
  const dir = options.stateDir === null ? null : join(options.stateDir, `node-${name}`);
  const groups = options.controlGroups === false ? null : await openTaskGroups(incarnation);
  if (groups === null) log('no control groups to write to: what a task hides from its node outlives it');
  if (process.getuid?.() === 0 && rules.runAs === null)
    log('tasks run as root: --run-as USER gives them to another account');
  const spool = takeOver(dir, incarnation, groups, log);
  const sampler = await openSampler(clock);
  const slots = options.slots ?? sampler.machine.cores;
  const shells = options.shells ?? true;
  const handlers = await handlersOf(options, slots, sampler.machine, clock).catch((error: unknown) => {
    spool.close();
    sampler.close();
    groups?.close();
    throw error;
  });
  const workshop = openWorkshop({
    name,
    agent: incarnation,
    slots,
    clock,
    spool,
    dir: dir ?? undefined,
    shells,
    groups,
    handlers,
    rules,
  });
  const endAll = (): void => {
    workshop.endAll();
    workshop.close();
  };
  const forget = onExit(endAll);

  const late = lateLink(clock);
  const pump = outputPump({ ...late, clock });
  const said = reports({
    send: late.send,
    beforeOutcomes: () => spool.flush(),
    hasWork: () => tasks.waiting > 0,
    clock,
  });
  const tasks = executor({
    slots,
    command: workshop.command,
    named: workshop.named,
    spool,
    reports: said,
    pump,
    clock,
    graceMs: options.graceMs ?? killing.graceMs,
    // What the coordinator has meanwhile given to another node is not begun here.
    mayStart: () => late.downMs() < liveness.lostAfterDropMs,
    ended: options.ended,
    log,
  });
  const duty = dutyCycle(clock, function* () {
    for (const { run } of tasks.running()) if (run !== null) yield run;
  });
  duty.set(options.throttle);
  const receipt = openReceipt(dir, clock);
  const { listen = null } = options;
  const direct =
    listen === null
      ? null
      : await listenDirectly({ ...options, listen, tasks: () => tasks }).catch((error: unknown) => {
          close();
          throw error;
        });
  const info = (): NodeInfo =>
    infoOf(options, slots, sampler.machine, handlers?.names ?? [], duty.share, direct?.address ?? null);
  const trust = (...keys: Parameters<Direct['trust']>): void => direct?.trust(...keys);
  const link = converse({
    options,
    clock,
    incarnation,
    info,
    tasks,
    pump,
    receipt,
    trust,
    throttle: duty.set,
    refused,
  });
  late.link = link;
  const endWhenLost = options.onCoordinatorLost === 'kill';
  const beat = heartbeat({ clock, link, tasks, sampler, usage: workshop.usage, spool, endWhenLost, log });

  function close(): void {
    void direct?.close();
    receipt.close();
    duty.close();
    spool.close();
    sampler.close();
    endAll();
    forget();
  }

  return {
    slots,
    machine: sampler.machine,
    link,
    tasks,
    pump,
    workshop,
    heartbeat: beat,
    throttle: () => duty.share,
    flush: () => said.flush(),
    close() {
      beat.close();
      close();
    },
  };
}

/** Opens what an earlier agent of this node has left, and ends its processes. `dir` null: nothing is kept. */
function takeOver(
  dir: string | null,
  incarnation: string,
  groups: TaskGroups | null,
  log: (line: string) => void,
): Spool {
  if (dir === null) return noSpool();
  let spool: Spool;
  try {
    spool = openSpool(dir, incarnation, log, groups?.dir);
  } catch (error) {
    groups?.close();
    throw error;
  }
  const left = endLeftovers(spool);
  removeLeftPipes(dir);
  if (left > 0) log(`ended ${left} process(es) that an earlier agent left running`);
  const { length } = spool.ends;
  if (length > 0) log(`${length} outcome(s) of an earlier agent are still to be told`);
  return spool;
}

/** The least and the most that one call of a handler may hold. */
const handlerBytes = { least: 128 * 1024 * 1024, most: 1024 * 1024 * 1024 };

/** Looks into the file of handlers of this node, where it has any. Throws LbtopError where they cannot be loaded. */
async function handlersOf(
  { handlers: file = null, rules = noRules }: AgentOptions,
  slots: number,
  machine: Machine,
  clock: Clock,
): Promise<Handlers | null> {
  if (file === null) return null;
  // All slots together get half of the machine at most.
  const share = machine.memoryTotal / 2 / slots;
  const memoryBytes = Math.max(handlerBytes.least, Math.min(handlerBytes.most, share));
  const { runAs: account } = rules;
  const env = sharedEnvironment(process.env, account);
  return { file, memoryBytes, names: await handlerNames({ file, memoryBytes, env, account }, clock) };
}

/** Its code is loaded by nodes that listen only. */
async function listenDirectly(options: DirectOptions): Promise<Direct> {
  return (await import('./direct.ts')).openDirect(options);
}

function infoOf(
  options: AgentOptions,
  slots: number,
  machine: Machine,
  handlers: readonly string[],
  throttle: number,
  listen: string | null,
): NodeInfo {
  return {
    ...machine,
    slots,
    labels: options.labels,
    resources: options.resources,
    handlers: [...handlers],
    throttle,
    cpuLimit: options.cpuLimit,
    listen,
    host: os.hostname().slice(0, limits.reasonLength),
    platform: `${process.platform} ${process.arch}`,
    version: options.version,
    pid: process.pid,
  };
}
