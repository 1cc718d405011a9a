/**
 * What always holds of a state, between any two events: run by tests and simulations after each event, over everything
 * or over what the event may have changed.
 */
import { endStates, type TaskState, taskStates } from '../model/job.ts';
import { attemptId } from '../model/node.ts';
import { partitionDepth } from './policies/partition.ts';
import { addRoom } from './room.ts';
import type { Held, JobRecord, NodeState, State } from './state.ts';
import { noCounts } from './task-table.ts';

/** Jobs and nodes that facts were about. */
export interface Touched {
  readonly jobs: ReadonlySet<number>;
  readonly nodes: ReadonlySet<string>;
}

/**
 * Returns what is broken, a line each; nothing where all is well. `touched`: only that is looked at, and the sums over all
 * jobs are not.
 * - sums: a job's counters are a fold over its tasks, the totals a fold over the jobs, a node's accounts (CPUs, memory,
 *   resources, running, assigned, unseen) a fold over what it holds; nothing is negative;
 * - room: what was placed on a node since it joined is at most one task a slot ahead, CPUs counted as slots, or as deep as
 *   `partition` fills its queue; memory and resources are never given twice;
 * - one current attempt: each assigned or running task is held as current by exactly one node, with its own attempt
 *   number and state; nothing else is held as current; a task that was never placed has no attempt;
 * - gone is gone: a lost or left node holds nothing and is not connected; a drained one holds nothing and drains;
 * - nobody is forgotten: each queued task can be found (it returned, is delayed, or was never placed), and its job is
 *   listed where dispatch looks, or blocked by jobs that it waits for, at its limit, or set aside; a delayed job is on
 *   the list that the clock goes through;
 * - ends: a job has ended exactly where all its tasks have, in the state that follows from them; no job waits for one
 *   that has ended, and who is waited for knows it.
 */
export function violations(state: State, touched: Touched | null = null): string[] {
  const broken: string[] = [];
  const say: Say = (holds, line) => {
    if (!holds) broken.push(line());
  };
  if (touched === null) checkTotals(state, say);
  const current = new Map<string, number>();
  for (const node of state.nodes.values()) {
    if (touched?.nodes.has(node.name) !== false) {
      checkAccounts(node, say);
      checkRoom(node, say);
      checkPresence(state, node, say);
    }
    for (const held of node.held.values())
      if (held.current && touched?.jobs.has(held.job) !== false) checkHeld(state, node, held, current, say);
  }
  for (const job of touched === null ? state.jobs.values() : jobsOf(state, touched)) {
    checkTasks(job, current, say);
    checkReachable(state, job, say);
    checkEnd(state, job, say);
  }
  return broken;
}

/** The line is only made where it is needed. */
type Say = (holds: boolean, line: () => string) => void;

function jobsOf(state: State, { jobs }: Touched): JobRecord[] {
  return [...jobs].flatMap((id) => state.jobs.get(id) ?? []);
}

function checkTotals(state: State, say: Say): void {
  const totals = noCounts();
  for (const job of state.jobs.values()) for (const name of taskStates) totals[name] += job.counts[name];
  for (const name of taskStates)
    say(
      totals[name] === state.totals[name],
      () => `totals.${name} is ${state.totals[name]}, of all jobs ${totals[name]}`,
    );
  for (const counter of ['reexecuted', 'lateResults', 'requeued'] as const)
    say(state[counter] >= 0, () => `${counter} is ${state[counter]}`);
}

function checkAccounts(node: NodeState, say: Say): void {
  const sums = { usedCpus: 0, usedMemoryBytes: 0, unseenCpus: 0, running: 0, assigned: 0 };
  const resources = new Map<string, number>();
  for (const held of node.held.values()) {
    sums.usedCpus = addRoom(sums.usedCpus, held.cpus);
    sums.usedMemoryBytes = addRoom(sums.usedMemoryBytes, held.memoryBytes);
    say(held.number <= node.assignments, () => `node ${node.name}: assignment ${held.number} of ${node.assignments}`);
    if (held.number > node.seen) sums.unseenCpus = addRoom(sums.unseenCpus, held.cpus);
    if (held.startedAt === null) sums.assigned++;
    else sums.running++;
    for (const [name, amount] of Object.entries(held.resources))
      resources.set(name, addRoom(resources.get(name) ?? 0, amount));
  }
  for (const [name, sum] of Object.entries(sums)) {
    const account = node[name as keyof typeof sums];
    say(account === sum, () => `node ${node.name}: ${name} is ${account}, of what it holds ${sum}`);
  }
  for (const name of new Set([...resources.keys(), ...node.usedResources.keys()])) {
    const [account, sum] = [node.usedResources.get(name) ?? 0, resources.get(name) ?? 0];
    say(account === sum, () => `node ${node.name}: of resource ${name} ${account} is used, of what it holds ${sum}`);
  }
  say(node.endedCpus >= 0, () => `node ${node.name}: endedCpus is ${node.endedCpus}`);
  say(
    node.seen <= node.assignments,
    () => `node ${node.name}: has seen assignment ${node.seen} of ${node.assignments}`,
  );
}

function checkRoom({ name, info, held }: NodeState, say: Say): void {
  // What a node brought along when it joined (number 0) is its own affair.
  const placed = [...held.values()].filter(({ number }) => number > 0);
  const cpus = placed.reduce((sum, one) => addRoom(sum, one.cpus), 0);
  const memory = placed.reduce((sum, one) => addRoom(sum, one.memoryBytes), 0);
  say(
    cpus <= info.slots + Math.max(info.slots, partitionDepth),
    () => `node ${name}: ${cpus} CPUs were placed on ${info.slots} slots`,
  );
  say(memory <= info.memoryTotal, () => `node ${name}: ${memory} bytes were placed in ${info.memoryTotal}`);
  for (const resource of new Set(placed.flatMap((one) => Object.keys(one.resources)))) {
    const used = placed.reduce((sum, one) => addRoom(sum, one.resources[resource] ?? 0), 0);
    const has = info.resources[resource] ?? 0;
    say(used <= has, () => `node ${name}: ${used} of ${has} ${resource} were placed`);
  }
}

function checkPresence(state: State, node: NodeState, say: Say): void {
  const { name, health, held, drained } = node;
  say(state.places[node.place] === node, () => `node ${name} is not at its place ${node.place}`);
  if (health === 'lost' || health === 'left') {
    say(held.size === 0, () => `node ${name} is ${health} and holds ${held.size} attempts`);
    say(!node.connected, () => `node ${name} is ${health} and connected`);
  }
  say(health !== 'up' || node.connected, () => `node ${name} is up and not connected`);
  say(!node.connected || node.droppedAt === null, () => `node ${name} is connected and dropped`);
  say(!drained || held.size === 0, () => `node ${name} is drained and holds ${held.size} attempts`);
  say(!drained || node.intent === 'draining', () => `node ${name} is drained and ${node.intent}`);
}

function checkHeld(state: State, node: NodeState, held: Held, current: Map<string, number>, say: Say): void {
  const id = `${held.job}.${held.ordinal}`;
  const at = () => `node ${node.name} holds ${attemptId(held.job, held.ordinal, held.attempt)} as current`;
  current.set(id, (current.get(id) ?? 0) + 1);
  const tasks = state.jobs.get(held.job)?.tasks;
  if (tasks === undefined) {
    say(false, () => `${at()}: its job is unknown`);
    return;
  }
  const expected: TaskState = held.startedAt === null ? 'assigned' : 'running';
  const found = tasks.state(held.ordinal);
  say(found === expected, () => `${at()} and ${expected}: it is ${found}`);
  const attempt = tasks.get(held.ordinal, 'attempt');
  say(attempt === held.attempt, () => `${at()}: the task is at attempt ${attempt}`);
  const place = tasks.get(held.ordinal, 'place');
  say(place === node.place, () => `${at()}: the task is at place ${place}`);
}

function checkTasks(job: JobRecord, current: ReadonlyMap<string, number>, say: Say): void {
  const counts = noCounts();
  for (let ordinal = 0; ordinal < job.tasks.count; ordinal++) {
    const id = `${job.id}.${ordinal}`;
    const state = job.tasks.state(ordinal);
    counts[state]++;
    const holders = current.get(id) ?? 0;
    const wanted = state === 'assigned' || state === 'running' ? 1 : 0;
    say(holders === wanted, () => `task ${id} is ${state} and held as current ${holders} times`);
    const ended = (endStates as readonly TaskState[]).includes(state);
    say(
      ended !== Number.isNaN(job.tasks.get(ordinal, 'endedAt')),
      () => `task ${id} is ${state}, endedAt says otherwise`,
    );
    const attempt = job.tasks.get(ordinal, 'attempt');
    say(attempt > 0 || state === 'queued' || ended, () => `task ${id} is ${state} at attempt 0`);
  }
  for (const name of taskStates)
    say(
      counts[name] === job.counts[name],
      () => `job ${job.id}: ${name} is ${job.counts[name]}, of its tasks ${counts[name]}`,
    );
}

function checkReachable(state: State, job: JobRecord, say: Say): void {
  const returned = new Set(job.returned.sorted());
  let waiting = 0;
  for (let ordinal = 0; ordinal < job.tasks.count; ordinal++) {
    if (job.tasks.state(ordinal) !== 'queued') {
      say(!job.delayed.has(ordinal), () => `task ${job.id}.${ordinal} is delayed and not queued`);
      continue;
    }
    if (job.delayed.has(ordinal)) continue;
    waiting++;
    say(ordinal >= job.fresh || returned.has(ordinal), () => `task ${job.id}.${ordinal} is queued and cannot be found`);
  }
  say(
    state.delayedJobs.has(job.id) === job.delayed.size > 0,
    () => `job ${job.id} has ${job.delayed.size} delayed tasks`,
  );
  const listed = state.lanes.some(({ jobs, head }) => jobs.indexOf(job.id, head) !== -1);
  say(listed === job.inLane, () => `job ${job.id}: inLane is ${job.inLane}, listed ${listed}`);
  if (waiting === 0 || job.waitsFor.size > 0 || listed || state.aside.has(job.id)) return;
  const underWay = job.counts.assigned + job.counts.running;
  say(underWay >= (job.spec.limit ?? Infinity), () => `job ${job.id} has ${waiting} tasks waiting and is in no lane`);
}

function checkEnd(state: State, job: JobRecord, say: Say): void {
  const open = job.counts.queued + job.counts.assigned + job.counts.running;
  say((job.endedAt === null) === open > 0, () => `job ${job.id} has ${open} open tasks, endedAt ${job.endedAt}`);
  say((job.endedAt === null) === (job.endState === null), () => `job ${job.id} has ended as ${job.endState}`);
  if (job.endState !== null) {
    const { failed, lost, cancelled, skipped } = job.counts;
    const state = failed + lost > 0 ? 'failed' : cancelled + skipped > 0 ? 'cancelled' : 'succeeded';
    say(job.endState === state, () => `job ${job.id} has ended as ${job.endState}, its tasks say ${state}`);
  }
  for (const id of job.waitsFor) {
    say(state.jobs.get(id)?.endedAt === null, () => `job ${job.id} waits for ${id}, which has ended or is forgotten`);
    say(
      state.dependents.get(id)?.includes(job.id) === true,
      () => `job ${id} does not know that ${job.id} waits for it`,
    );
  }
}
