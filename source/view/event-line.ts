/** Facts made readable: which of them people want to see in the stream of events, and in which words. */
import type { Fact, FactOf } from '../model/fact.ts';
import { indexOf, type JobState, taskId } from '../model/job.ts';
import type { EventLine } from '../model/report.ts';
import type { State } from '../scheduler/state.ts';
import { counted, duration, grouped, percent } from './format.ts';

const longestText = 1_000;

/** A task fact worth a line: a failure. Its words are made only when someone looks. */
export type Failure = FactOf<'ended'> | FactOf<'requeued'>;

/** Returns true where a fact tells of a failure of a task: it failed for good, was lost, or a node could not start it. */
export function isFailure(fact: Fact): fact is Failure {
  if (fact.kind === 'ended') return fact.state === 'failed' || fact.state === 'lost';
  return fact.kind === 'requeued' && fact.reason === 'unfit';
}

/** Puts a failure in words. `index` is the task's, as users see it; `more`: how many were left out after it. */
export function failureLine(fact: Failure, index: number, more: number): EventLine {
  const where = fact.node === null ? '' : ` on ${fact.node}`;
  const others = more === 0 ? '' : ` (and ${grouped(more)} more failed tasks)`;
  const subject = taskId(fact.job, index);
  const error = fact.error === null ? '' : `: ${fact.error}`;
  if (fact.kind === 'requeued') {
    const text = `could not be started${where}, tried elsewhere${error}${others}`;
    return { at: fact.at, level: 'warn', subject, text: text.slice(0, longestText) };
  }
  const how =
    fact.state === 'lost'
      ? 'lost'
      : fact.signal !== null
        ? `ended by ${fact.signal}`
        : fact.exitCode !== null
          ? `exit ${fact.exitCode}`
          : 'failed';
  const text = `${how}${where}, attempt ${fact.attempt}${error}${others}`;
  return { at: fact.at, level: 'error', subject, text: text.slice(0, longestText) };
}

/**
 * Puts any other fact in words, or returns null where nobody would miss it.
 * `state` is as it stands after the fact; `back`: how many tasks of a lost node returned to the queue.
 */
export function eventLine(state: State, fact: Fact, back: number): EventLine | null {
  const made = words(state, fact, back);
  if (made === null) return null;
  const [level, subject, text] = made;
  return { at: fact.at, level, subject, text: text.slice(0, longestText) };
}

/** Returns the line that tells who asked for what, also where what was done is told by lines of its own. */
export function actLine(act: FactOf<'acted'>): EventLine {
  return { at: act.at, level: 'info', subject: 'coordinator', text: actWords(act).slice(0, longestText) };
}

function actWords({ verb, about, by, role, proof }: FactOf<'acted'>): string {
  return `${verb} ${about}${whose(by)}, ${role} with ${proof}`;
}

/** What was done shows who did it. */
const toldElsewhere: ReadonlySet<string> = new Set(['pause', 'drain', 'resume', 'throttle', 'pause-queue', 'policy']);

type Words = [level: EventLine['level'], subject: string, text: string];

function words(state: State, fact: Fact, back: number): Words | null {
  switch (fact.kind) {
    case 'session-started': {
      const again = fact.epoch > 1 ? `, epoch ${fact.epoch}` : '';
      return ['info', 'coordinator', `started ${fact.version}: ${fact.policy}, ${fact.discipline}${again}`];
    }
    case 'job-submitted': {
      const name = fact.spec.name === '' ? '' : `${fact.spec.name} `;
      return ['info', `job ${fact.job}`, `${name}submitted by ${fact.by}: ${counted(fact.spec.span.count, 'task')}`];
    }
    case 'job-closed':
      return ['warn', `job ${fact.job}`, `${fact.state}${because(fact.reason)}${whose(fact.by)}`];
    case 'job-ended':
      return jobEnded(state, fact);
    case 'job-purged':
      return ['info', `job ${fact.job}`, 'purged'];
    case 'queue-paused':
      return fact.paused
        ? ['warn', 'coordinator', `queue paused${whose(fact.by)}${because(fact.reason)}: nothing new starts`]
        : ['info', 'coordinator', `queue resumed${whose(fact.by)}`];
    case 'policy-set':
      return ['info', 'coordinator', `policy ${fact.policy}, queue ${fact.discipline}${whose(fact.by)}`];
    case 'cpu-limit-set':
      return ['info', 'coordinator', `CPU limit ${percent(fact.cpuLimit)} %${whose(fact.by)}`];
    case 'acted':
      return toldElsewhere.has(fact.verb) ? null : ['info', 'coordinator', actWords(fact)];
    case 'assigned':
    case 'started':
    case 'progressed':
    case 'ended':
    case 'requeued':
    case 'recalled':
    case 'stop-asked':
    case 'released':
    case 'due':
    case 'sampled':
      return null;
    default:
      return nodeWords(fact, back);
  }
}

const jobLevels: Readonly<Record<JobState, EventLine['level']>> = {
  queued: 'info',
  running: 'info',
  succeeded: 'info',
  failed: 'error',
  cancelled: 'warn',
};

function jobEnded(state: State, fact: FactOf<'job-ended'>): Words {
  const job = state.jobs.get(fact.job);
  if (job === undefined) return ['info', `job ${fact.job}`, fact.state];
  const { counts, spec } = job;
  const tasks = spec.span.count;
  const bad = counts.failed + counts.lost;
  const detail = bad > 0 ? `: ${grouped(bad)} of ${counted(tasks, 'task')} failed` : `: ${counted(tasks, 'task')}`;
  const name = spec.name === '' ? '' : `${spec.name} `;
  const text = `${name}${fact.state}${detail} in ${duration(fact.at - job.submittedAt)}`;
  return [jobLevels[fact.state], `job ${fact.job}`, text];
}

type NodeFact = Extract<Fact, { node: string; kind: `node-${string}` }>;

function nodeWords(fact: NodeFact, back: number): Words {
  const { node } = fact;
  switch (fact.kind) {
    case 'node-joined':
      return [
        'info',
        node,
        `${fact.fresh ? 'joined' : 'came back'}: ${counted(fact.info.slots, 'slot')}, ${counted(fact.info.cores, 'core')}`,
      ];
    case 'node-health': {
      const returned = back > 0 ? `: ${counted(back, 'task')} back to the queue` : '';
      if (fact.health === 'up') return ['info', node, 'up again'];
      if (fact.health === 'left') return ['info', node, `left${because(fact.reason)}${returned}`];
      return [fact.health === 'lost' ? 'error' : 'warn', node, `${fact.health}${because(fact.reason)}${returned}`];
    }
    case 'node-dropped':
      return ['warn', node, `connection broke${because(fact.reason)}`];
    case 'node-intent': {
      const verb = fact.intent === 'active' ? 'resumed' : fact.intent;
      return [fact.intent === 'active' ? 'info' : 'warn', node, `${verb}${whose(fact.by)}${because(fact.reason)}`];
    }
    case 'node-drained':
      return ['info', node, 'drained: nothing runs there any more'];
    case 'node-overloaded':
      return fact.overloaded
        ? ['info', node, `above its limit: CPU ${percent(fact.cpu)} %, nothing new is placed`]
        : ['info', node, `below its limit again: CPU ${percent(fact.cpu)} %`];
    case 'node-throttled':
      return ['info', node, `throttle ${percent(fact.throttle * 100)} %${whose(fact.by)}`];
    case 'node-forgotten':
      return ['info', node, 'forgotten'];
  }
}

function because(reason: string): string {
  return reason === '' ? '' : ` (${reason})`;
}

function whose(by: string): string {
  return by === '' ? '' : ` by ${by}`;
}

/** The index that users see of a task that a fact names; the ordinal itself where the job is gone. */
export function indexOfTask(state: State, fact: { job: number; ordinal: number }): number {
  const job = state.jobs.get(fact.job);
  return job === undefined ? fact.ordinal : indexOf(job.spec.span, fact.ordinal);
}
