/**
 * A trace without what it tells of its people: commands, names, variables, hosts and what tasks wrote are replaced by a kind
 * and a number, the same thing by the same number everywhere. Times, counts, loads and decisions stay. A text that no rule
 * names and that is not listed as harmless is replaced too: what is recorded one day and forgotten here leaks nothing.
 */
import type { Trace, TraceItem } from '../../feed/trace-reader.ts';
import { requeueReasons } from '../../model/fact.ts';
import { builtInTasks, type JobSpec, type Work } from '../../model/job.ts';
import type { NodeInfo } from '../../model/node.ts';
import { restoreSnapshot, takeSnapshot } from '../../scheduler/snapshot.ts';
import { type SnapshotRecord, snapshotRecords } from '../../scheduler/snapshot-shape.ts';
import type { State } from '../../scheduler/state.ts';

type Word =
  | 'address'
  | 'argument'
  | 'directory'
  | 'error'
  | 'host'
  | 'job'
  | 'key'
  | 'kind'
  | 'label'
  | 'node'
  | 'process'
  | 'reason'
  | 'resource'
  | 'task'
  | 'text'
  | 'user'
  | 'value'
  | 'variable';

type Rule = (value: never) => unknown;

/** Fields whose texts come from a list in the program, or tell of a machine's make. */
const harmless: ReadonlySet<string> = new Set([
  ...['kind', 'state', 'endState', 'health', 'intent', 'policy', 'discipline', 'items', 'rest', 'signal'],
  ...['version', 'software', 'platform', 'cpuModel', 'role', 'verb'],
]);
const scheduling: ReadonlySet<string> = new Set(requeueReasons);

/** Replaces texts by words with numbers; the same text becomes the same word. */
interface Redactor {
  /** Returns a fact or a record of a snapshot without its texts. */
  record<T extends object>(record: T): T;
  state(state: State): State;
}

function redactor(): Redactor {
  const known = new Map<Word, Map<string, string>>();

  function replaced(word: Word, text: string): string {
    if (text === '') return '';
    let words = known.get(word);
    if (words === undefined) {
      words = new Map();
      known.set(word, words);
    }
    let instead = words.get(text);
    if (instead === undefined) {
      instead = `${word}-${words.size + 1}`;
      words.set(text, instead);
    }
    return instead;
  }

  const by =
    (word: Word) =>
    (text: string | null): string | null =>
      text === null ? null : replaced(word, text);

  function entries<T>(of: Readonly<Record<string, T>>, key: Word, value: (value: T) => T): Record<string, T> {
    return Object.fromEntries(Object.entries(of).map(([name, one]) => [replaced(key, name), value(one)]));
  }

  const valueText = (text: string): string => replaced('value', text);
  const same = <T>(value: T): T => value;

  /** What no rule is for: numbers stay, texts do not. */
  function unnamed(field: string, value: unknown): unknown {
    if (typeof value === 'string') return harmless.has(field) ? value : replaced('text', value);
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Uint8Array) return new Uint8Array();
    if (Array.isArray(value)) return value.map((one) => unnamed(field, one));
    return fields(value);
  }

  function fields(of: object): Record<string, unknown> {
    return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, unnamed(name, value)]));
  }

  function work(of: Work): Work {
    const builtIn = (builtInTasks as readonly string[]).includes(of.task);
    return {
      kind: of.kind,
      argv: of.argv.map((text) => replaced('argument', text)),
      shell: of.shell,
      task: builtIn ? of.task : replaced('task', of.task),
      input: null,
    };
  }

  const rules: Readonly<Record<string, Rule>> = {
    spec: (spec: JobSpec): JobSpec => ({
      ...(fields(spec) as JobSpec),
      name: replaced('job', spec.name),
      work: work(spec.work),
      resources: entries(spec.resources, 'resource', same),
      labels: entries(spec.labels, 'label', valueText),
      key: by('key')(spec.key),
      env: entries(spec.env, 'variable', valueText),
      cwd: by('directory')(spec.cwd),
      stdin: null,
    }),
    info: (info: NodeInfo): NodeInfo => ({
      ...(fields(info) as NodeInfo),
      labels: entries(info.labels, 'label', valueText),
      resources: entries(info.resources, 'resource', same),
      handlers: info.handlers.map((text) => replaced('task', text)),
      listen: by('address')(info.listen),
      host: replaced('host', info.host),
      pid: 1,
    }),
    held: (held: { resources: Record<string, number>; stopping: string | null }[]) =>
      held.map((one) => ({
        ...one,
        resources: entries(one.resources, 'resource', same),
        stopping: by('reason')(one.stopping),
      })),
    errors: (errors: [number, string][]) => errors.map(([ordinal, text]) => [ordinal, replaced('error', text)]),
    // Rows of a table of tasks: times and numbers.
    rows: same,
    node: by('node') as Rule,
    address: by('address') as Rule,
    incarnation: by('process') as Rule,
    by: by('user') as Rule,
    reason: (text: string) => (scheduling.has(text) ? text : replaced('reason', text)),
    note: by('reason') as Rule,
    why: by('reason') as Rule,
    closedWhy: by('reason') as Rule,
    healthReason: by('reason') as Rule,
    error: by('error') as Rule,
  };

  function record<T extends object>(from: T): T {
    const out: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(from)) {
      const rule = rules[name] as ((value: unknown) => unknown) | undefined;
      out[name] = rule === undefined ? unnamed(name, value) : rule(value);
    }
    return out as T;
  }

  /** `name` is that of a node in one record, and that of a kind of work, which has the command in it, in another. */
  function named(from: SnapshotRecord): SnapshotRecord {
    const plain = record(from);
    if (plain.kind === 'node') return { ...plain, name: replaced('node', plain.name) };
    return plain.kind === 'durations' ? { ...plain, name: replaced('kind', plain.name) } : plain;
  }

  return {
    record,
    state(state) {
      const records: unknown[] = [];
      for (const raw of takeSnapshot(state, { samples: true })) {
        const one = snapshotRecords.unpack(raw);
        if (one !== null) records.push(snapshotRecords.pack(named(one)));
      }
      return restoreSnapshot(records);
    },
  };
}

/** Returns the same trace, redacted. What led to the facts is not in it, nor are charts from before it begins. */
export function redactedTrace(trace: Trace): Trace {
  const { record, state } = redactor();

  function* items(from?: Parameters<Trace['items']>[0]): Generator<TraceItem> {
    for (const item of trace.items(from)) {
      if (item.kind === 'facts') yield { ...item, facts: item.facts.map(record) };
      else if (item.kind === 'state') yield { ...item, restored: { state: state(item.restored.state), series: null } };
      else if (item.kind === 'gap') yield item;
    }
  }

  return {
    ...trace,
    // Spreading would freeze it at what is known now.
    get cut() {
      return trace.cut;
    },
    items,
    inputs: () => null,
    payload: () => null,
  };
}
