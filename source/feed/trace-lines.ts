/** A trace as lines of JSON: what it begins with, each fact, each place where facts are missing. */
import type { State } from '../scheduler/state.ts';
import type { Trace } from './trace-reader.ts';

/**
 * Yields lines without their ends, some at a time. The first is `{"kind":"trace",…}`; a state that facts go on from is
 * `{"kind":"state",…}`, missing facts are `{"kind":"gap",…}`, all others are facts as model/fact.ts says. Binary is base64.
 */
export function* jsonLines(trace: Trace): Generator<{ lines: string[]; share: number }> {
  const { version, from, to, facts, events } = trace;
  yield { lines: [JSON.stringify({ kind: 'trace', version, from, to, facts, events })], share: 0 };
  for (const item of trace.items()) {
    if (item.kind === 'gap') yield { lines: [JSON.stringify(gapOf(item))], share: shareOf(item.before.facts, facts) };
    else if (item.kind === 'state') {
      const { state } = item.restored;
      // Before anything happened there is nothing to tell.
      if (state.nodes.size + state.jobs.size > 0)
        yield { lines: [JSON.stringify(stateOf(state, item.at), plain)], share: shareOf(item.before.facts, facts) };
    } else if (item.kind === 'facts')
      yield {
        lines: item.facts.map((fact) => JSON.stringify(fact, plain)),
        share: shareOf(item.before.facts + item.facts.length, facts),
      };
  }
}

function gapOf({ at, missing }: { at: number; missing: number | null }): unknown {
  return { kind: 'gap', at, missing };
}

function stateOf({ policy, discipline, cpuLimit, queuePaused, nodes, jobs }: State, at: number): unknown {
  return {
    ...{ kind: 'state', at, policy, discipline, cpuLimit, queuePaused },
    nodes: [...nodes.values()].map(({ name, info, health, intent, drained, overloaded, throttle, held }) => ({
      ...{ name, info, health, intent, drained, overloaded, throttle },
      held: [...held.values()].map(({ job, ordinal, attempt, startedAt }) => ({ job, ordinal, attempt, startedAt })),
    })),
    jobs: [...jobs.values()].map(({ id, spec, submittedAt, endedAt, endState, counts }) => ({
      ...{ job: id, spec, submittedAt, endedAt, endState, counts },
    })),
  };
}

function shareOf(done: number, all: number): number {
  return all === 0 ? 1 : done / all;
}

function plain(this: unknown, _key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
