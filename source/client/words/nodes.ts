/** `lbtop nodes` */
import type { NodeRow } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { duration, percent, size, unknown } from '../format.ts';
import { type Column, onePage, printRows } from '../table.ts';

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
  { title: 'OURS', right: true, text: ({ cpuOurs }) => percent(cpuOurs) },
  { title: 'CORES', right: true, text: ({ cores }) => String(cores) },
  { title: 'MEMORY', right: true, text: ({ memoryUsed, memoryTotal }) => `${size(memoryUsed)} / ${size(memoryTotal)}` },
  { title: 'LOAD', right: true, text: ({ load1 }) => (load1 === null ? unknown : load1.toFixed(2)) },
  { title: 'RUNNING', right: true, text: ({ running, slots }) => `${running}/${slots}` },
  { title: 'ASSIGNED', right: true, text: ({ assigned }) => String(assigned) },
  { title: 'SUCCEEDED', right: true, text: ({ succeeded }) => String(succeeded) },
  {
    title: 'FAILED',
    right: true,
    text: ({ failed }) => String(failed),
    colour: ({ failed }) => (failed > 0 ? 'red' : null),
  },
  { title: 'THROTTLE', right: true, text: ({ throttle }) => String(throttle) },
  { title: 'HEARD', right: true, text: ({ lastHeartbeatMs }) => duration(lastHeartbeatMs) },
  {
    title: 'LABELS',
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
export async function nodes({ flags, io, client }: Call): Promise<number> {
  const rows = await (await client()).request('nodes', {});
  await printRows(io.stdout, columns, onePage(rows), flags.json);
  return 0;
}
