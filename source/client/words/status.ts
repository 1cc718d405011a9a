/** `lbtop status` */
import type { Status } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { count, duration, rate, size } from '../format.ts';
import { type Output, printJson } from '../io.ts';
import { cellText } from '../plain-text.ts';
import { coloured } from '../table.ts';

/** Prints the whole at a glance. */
export async function status(call: Call): Promise<number> {
  const { flags, io } = call;
  const connected = await call.client();
  const print = async (output: Output): Promise<void> => {
    const said = await connected.request('status', {});
    if (flags.json) await printJson(output, said);
    else await printStatus(output, said, connected.address);
  };
  if (flags.watch === undefined) await print(io.stdout);
  else await (await import('../watch.ts')).watch(call, flags.watch, print);
  return 0;
}

async function printStatus(output: Output, said: Status, address: string): Promise<void> {
  const titles = Math.max(...lines(said, '').map(([title]) => title.length));
  let text = '';
  for (const [title, value] of lines(said, address))
    text += `${coloured(output, title.padEnd(titles), 'bold')}  ${cellText(value)}\n`;
  await output.write(text);
}

function lines(said: Status, address: string): [title: string, value: string][] {
  const { throughput, latencyMs } = said;
  const speed = (field: string) => rate(throughput[field] ?? 0);
  const time = (field: string) => duration(latencyMs[field] ?? null);
  return [
    ['coordinator', `${address} · lbtop ${said.version} · up ${duration(said.uptimeMs)}`],
    ['policy', `${said.policy} · queue ${said.queue}${said.queuePaused ? ' (paused: nothing new starts)' : ''}`],
    ['nodes', counts(said.nodes)],
    ['slots', `${count(said.slots.busy ?? 0)} of ${count(said.slots.total ?? 0)} busy`],
    ['tasks', counts(said.tasks)],
    ['again', `${count(said.reexecuted)} executed more than once · ${count(said.lateResults)} late results`],
    [
      'throughput',
      `${speed('perSecond1s')}/s over 1 s · ${speed('perSecond10s')}/s over 10 s · ${speed('perSecond60s')}/s over 60 s`,
    ],
    ['waiting', `half within ${time('waitP50')} · 99 % within ${time('waitP99')}`],
    ['running', `half within ${time('runP50')} · 99 % within ${time('runP99')}`],
    ['uses', `journal ${size(said.journalBytes)} · memory ${size(said.rssBytes)}`],
  ];
}

/** `3 up · 0 suspect` */
function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([name, many]) => `${count(many)} ${name}`)
    .join(' · ');
}
