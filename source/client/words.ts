/** All words: how each is typed, what it does, and where its code is (read only when it is needed). */
import type { Word } from './call.ts';
import { usage } from './complaint.ts';
import type { WordName } from './flags.ts';

/** What a shell can complete: names that the coordinator knows, or that are fixed. */
export type Completable = 'jobs' | 'tasks' | 'nodes' | 'policies' | 'shells' | 'tokenActions';

export interface WordRow {
  /** After `lbtop WORD `. */
  usage: string;
  summary: string;
  example: string;
  /** How many operands there must be. */
  operands: readonly [min: number, max: number];
  /** What the operands are, where a shell can complete them. */
  completes?: Completable;
  load(): Promise<Word>;
}

const none = [0, 0] as const;
const one = [1, 1] as const;
const any = [0, Number.POSITIVE_INFINITY] as const;
const some = [1, Number.POSITIVE_INFINITY] as const;

export const words: Readonly<Record<WordName, WordRow>> = {
  submit: {
    usage: '[options] -- COMMAND ARG…',
    summary: 'queue a job, print its id',
    example: 'lbtop submit --each-line files.txt -- sha256sum {}',
    operands: none,
    load: async () => (await import('./words/submit.ts')).submit,
  },
  run: {
    usage: '[options] -- COMMAND ARG…',
    summary: 'queue a job, wait for it, copy its output through, exit as it did',
    example: "lbtop run --cpus 2 -- sh -c 'make -j2 && make check'",
    operands: none,
    load: async () => (await import('./words/run.ts')).run,
  },
  wait: {
    usage: 'JOB…',
    summary: 'wait until jobs end; exit 0 only if every task succeeded',
    example: 'lbtop wait 7 8',
    operands: some,
    completes: 'jobs',
    load: async () => (await import('./words/wait.ts')).wait,
  },
  jobs: {
    usage: '',
    summary: 'all jobs with the counts of their tasks',
    example: 'lbtop jobs',
    operands: none,
    load: async () => (await import('./words/jobs.ts')).jobs,
  },
  tasks: {
    usage: 'JOB',
    summary: 'the tasks of a job',
    example: 'lbtop tasks 7',
    operands: one,
    completes: 'jobs',
    load: async () => (await import('./words/tasks.ts')).tasks,
  },
  nodes: {
    usage: '',
    summary: 'all nodes with their load',
    example: 'lbtop nodes',
    operands: none,
    load: async () => (await import('./words/nodes.ts')).nodes,
  },
  status: {
    usage: '',
    summary: 'the whole at a glance',
    example: 'lbtop status --json',
    operands: none,
    load: async () => (await import('./words/status.ts')).status,
  },
  logs: {
    usage: 'JOB[.INDEX]',
    summary: 'the output of a task, or of all tasks of a job in order of index',
    example: 'lbtop logs 7.12 -f',
    operands: one,
    completes: 'tasks',
    load: async () => (await import('./words/logs.ts')).logs,
  },
  results: {
    usage: 'JOB',
    summary: 'a line of JSON for each task in order of index',
    example: "lbtop results 7 | jq -r '.stdout'",
    operands: one,
    completes: 'jobs',
    load: async () => (await import('./words/results.ts')).results,
  },
  cancel: {
    usage: 'JOB[.INDEX]…',
    summary: 'end jobs or single tasks',
    example: 'lbtop cancel 7',
    operands: some,
    completes: 'tasks',
    load: async () => (await import('./words/end.ts')).cancel,
  },
  retry: {
    usage: 'JOB[.INDEX]…',
    summary: 'run tasks that have ended again',
    example: 'lbtop retry 7 --failed',
    operands: some,
    completes: 'tasks',
    load: async () => (await import('./words/end.ts')).retry,
  },
  purge: {
    usage: 'JOB…',
    summary: 'forget jobs that have ended, with their output',
    example: 'lbtop purge 7',
    operands: some,
    completes: 'jobs',
    load: async () => (await import('./words/end.ts')).purge,
  },
  pause: {
    usage: 'NODE… | --all | --queue',
    summary: 'place nothing new on nodes; what runs goes on',
    example: 'lbtop pause desk-2 --reason "kernel update"',
    operands: any,
    completes: 'nodes',
    load: async () => (await import('./words/operate.ts')).pause,
  },
  drain: {
    usage: 'NODE… | --all',
    summary: 'empty nodes so that they can be taken away',
    example: 'lbtop drain desk-2 --wait --deadline 10m',
    operands: any,
    completes: 'nodes',
    load: async () => (await import('./words/drain.ts')).drain,
  },
  resume: {
    usage: 'NODE… | --all | --queue',
    summary: 'use nodes again',
    example: 'lbtop resume desk-2',
    operands: any,
    completes: 'nodes',
    load: async () => (await import('./words/operate.ts')).resume,
  },
  throttle: {
    usage: 'NODE… SHARE',
    summary: 'the share of time that the tasks of nodes may run, 0.05 to 1',
    example: 'lbtop throttle desk-2 0.7',
    operands: some,
    completes: 'nodes',
    load: async () => (await import('./words/operate.ts')).throttle,
  },
  policy: {
    usage: '[NAME]',
    summary: 'show the policy, or switch to another while it runs',
    example: 'lbtop policy power-of-two',
    operands: [0, 1],
    completes: 'policies',
    load: async () => (await import('./words/policy.ts')).policy,
  },
  pick: {
    usage: '',
    summary: 'the node that the policy would take now',
    example: 'lbtop pick --json',
    operands: none,
    load: async () => (await import('./words/pick.ts')).pick,
  },
  explain: {
    usage: 'JOB.INDEX [--replay FILE]',
    summary: 'why a task waits, or why it went where it went; also of a recorded session',
    example: 'lbtop explain 7.12',
    operands: one,
    completes: 'tasks',
    load: async () => (await import('./words/explain.ts')).explain,
  },
  events: {
    usage: '',
    summary: 'what happens, a line each',
    example: 'lbtop events -f',
    operands: none,
    load: async () => (await import('./words/events.ts')).events,
  },
  simulate: {
    usage: '[options]',
    summary: 'the same scheduler in virtual time: policies and disciplines side by side',
    example: 'lbtop simulate --nodes 10 --arrivals poisson:9 --policy least-load,random --tasks 100000',
    operands: none,
    load: async () => runByTheProgram,
  },
  whatif: {
    usage: 'TRACE [options]',
    summary: 'a recorded session again under other rules, with the error that calibration shows',
    example: 'lbtop whatif session.lbtrace --policy least-load,earliest-finish --assert "makespan<120"',
    operands: one,
    load: async () => runByTheProgram,
  },
  trace: {
    usage: 'info|verify|export FILE',
    summary: "totals of a recording, the proof that its decisions are the scheduler's own, or another format of it",
    example: 'lbtop trace export session.lbtrace --format perfetto > session.json',
    operands: [2, 2],
    load: async () => runByTheProgram,
  },
  token: {
    usage: 'create --role ROLE [--ttl DURATION] [--name NAME] | list | revoke ID… | rotate',
    summary: "access for others without the coordinator's secret, and a new secret",
    example: 'lbtop token create --role viewer --ttl 8h --name wall-screen',
    operands: some,
    completes: 'tokenActions',
    load: async () => (await import('./words/token.ts')).token,
  },
  completion: {
    usage: 'bash|zsh|fish',
    summary: 'print what makes a shell complete words, flags, nodes and jobs',
    example: 'lbtop completion bash >> ~/.bashrc',
    operands: some,
    completes: 'shells',
    load: async () => (await import('./words/completion.ts')).completion,
  },
  config: {
    usage: '',
    summary: 'what variables and the settings file say, and where things lie',
    example: 'lbtop config',
    operands: none,
    load: async () => (await import('./words/config.ts')).config,
  },
};

/** It needs no coordinator, and simulations contain everything that a client does without: cli.tsx runs it. */
const runByTheProgram: Word = async () => {
  throw usage('this word runs without a coordinator: use the program lbtop for it');
};
