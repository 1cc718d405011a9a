/** What the coordinator's log tells of facts: what an administrator looks for; each task is in the recording. */
import type { Fact } from '../model/fact.ts';
import type { Log } from '../wire/log-line.ts';

/** Writes a line for a fact that is worth one. */
export function logFact(fact: Fact, log: Log): void {
  const { kind: event } = fact;
  const because = (reason: string): string => (reason === '' ? '' : `: ${reason}`);
  switch (fact.kind) {
    case 'node-joined': {
      const { node, address, fresh, info } = fact;
      const how = fresh ? 'joined' : 'is back';
      log(`node ${node} ${how} from ${address}: ${info.slots} slots`, {
        event,
        node,
        address,
        fresh,
        slots: info.slots,
      });
      return;
    }
    case 'node-health': {
      const { node, health, reason } = fact;
      const level = health === 'lost' || health === 'suspect' ? 'warn' : 'info';
      log(`node ${node} is ${health}${because(reason)}`, { level, event, node, health, reason });
      return;
    }
    case 'node-intent': {
      const { node, intent, by, reason } = fact;
      log(`node ${node} ${intent} by ${by}${because(reason)}`, { event, node, intent, by, reason });
      return;
    }
    case 'node-drained':
      log(`node ${fact.node} is drained`, { event, node: fact.node });
      return;
    case 'job-submitted': {
      const { job, by, spec } = fact;
      log(`job ${job} submitted by ${by}: ${spec.span.count} tasks`, { event, job, by, tasks: spec.span.count });
      return;
    }
    case 'job-ended':
      log(`job ${fact.job} ${fact.state}`, { event, job: fact.job, state: fact.state });
      return;
    case 'policy-set': {
      const { policy, discipline, by } = fact;
      log(`policy ${policy}, queue ${discipline} by ${by}`, { event, policy, queue: discipline, by });
      return;
    }
    case 'queue-paused':
      log(`queue ${fact.paused ? 'paused' : 'resumed'} by ${fact.by}`, { event, paused: fact.paused, by: fact.by });
      return;
  }
}
