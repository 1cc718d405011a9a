/** `lbtop nodes` */
import { type NodeRow, nodeRowShape } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { duration, percent, size, unknown } from '../format.ts';
import type { Column } from '../table.ts';
import { showTable } from '../table-word.ts';

const columns: readonly Column<NodeRow>[] = [
  { title: 'NODE', text: ({ name }) => name },
  {
    title: 'HEALTH',
    text: ({ health }) => health,
    colour: ({ health }) =>
      health === 'up' ? 'green' : health === 'suspect' ? 'yellow' : health === 'lost' ? 'red' : 'dim',
  },
  {
    title: 'INTENT',
    text: ({ intent, drained }) => (drained ? 'drained' : intent),
    colour: ({ intent }) => (intent === 'active' ? null : 'yellow'),
  },
  {
    title: 'CPU',
    right: true,
    text: ({ cpu }) => percent(cpu),
    colour: ({ overloaded }) => (overloaded ? 'red' : null),
  },
  { title: 'OURS', spare: 1, right: true, text: ({ cpuOurs }) => percent(cpuOurs) },
  { title: 'CORES', spare: 8, right: true, text: ({ cores }) => String(cores) },
  {
    title: 'MEMORY',
    spare: 5,
    right: true,
    text: ({ memoryUsed, memoryTotal }) => `${size(memoryUsed)} / ${size(memoryTotal)}`,
  },
  { title: 'LOAD', spare: 4, right: true, text: ({ load1 }) => (load1 === null ? unknown : load1.toFixed(2)) },
  { title: 'RUNNING', right: true, text: ({ running, slots }) => `${running}/${slots}` },
  { title: 'ASSIGNED', spare: 7, right: true, text: ({ assigned }) => String(assigned) },
  { title: 'SUCCEEDED', spare: 2, right: true, text: ({ succeeded }) => String(succeeded) },
  {
    title: 'FAILED',
    spare: 3,
    right: true,
    text: ({ failed }) => String(failed),
    colour: ({ failed }) => (failed > 0 ? 'red' : null),
  },
  { title: 'THROTTLE', spare: 9, right: true, text: ({ throttle }) => String(throttle) },
  { title: 'HEARD', spare: 10, right: true, text: ({ lastHeartbeatMs }) => duration(lastHeartbeatMs) },
  {
    title: 'LABELS',
    spare: 6,
    text: ({ labels }) =>
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
  },
  {
    title: 'REASON',
    text: ({ overloaded, reason }) =>
      [overloaded ? 'above its CPU limit' : '', reason ?? ''].filter(Boolean).join(', '),
  },
];

/** Prints all nodes. */
export function nodes(call: Call): Promise<number> {
  return showTable(call, {
    columns: () => columns,
    shape: nodeRowShape,
    async *pages(client) {
      yield await client.request('nodes', {});
    },
  });
}
