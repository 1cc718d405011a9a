/** `lbtop completion` */

import { meant } from '../../model/nearest.ts';
import type { Call } from '../call.ts';
import type { Client } from '../client.ts';
import { quote, usage } from '../complaint.ts';
import { type Candidate, complete, type Live } from '../completion/candidates.ts';
import { completionScript, shells } from '../completion/scripts.ts';
import { cellText } from '../plain-text.ts';
import { whereabouts } from '../values.ts';

/** Whoever pressed Tab does not wait longer for names. */
const patienceMs = 1_000;
/** A shell shows no more than a screen of them. */
const mostOffered = 500;

/** Prints a shell's script, or (for that script) what may be typed next. */
export async function completion(call: Call): Promise<number> {
  const [what, ...typed] = call.operands;
  if (what === 'candidates') return printCandidates(call, typed);
  const shell = shells.find((one) => one === what);
  if (shell === undefined)
    throw usage(`no shell ${quote(what ?? '')}${meant(what ?? '', shells, '')} (known are ${shells.join(', ')})`);
  if (typed.length > 0) throw usage(`too much after completion ${shell}: one shell is enough`);
  await call.io.stdout.write(completionScript(shell));
  return 0;
}

async function printCandidates(call: Call, typed: readonly string[]): Promise<number> {
  const connect = typed[typed.indexOf('--connect') + 1];
  // The coordinator that is meant is the one that was typed.
  if (typed.includes('--connect') && connect !== undefined) call.flags.connect = whereabouts.read(connect);
  const found = await complete(typed, names(call));
  const lines: string[] = [found.kind === 'command' ? `command ${found.at}` : found.kind];
  if (found.kind === 'words')
    for (const { text, help } of found.candidates) lines.push(help === '' ? text : `${text}\t${help}`);
  await call.io.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

/** Names of a coordinator that may not be there: then there are none. */
function names(call: Call): Live {
  const ask = async (question: (client: Client) => Promise<Candidate[]>): Promise<Candidate[]> => {
    const late = new Promise<Candidate[]>((resolve) => setTimeout(resolve, patienceMs, []).unref());
    const asked = call.client().then(question);
    return Promise.race([asked.catch(() => []), late]);
  };
  return {
    jobs: () =>
      ask(async (client) => {
        const rows = await client.request('jobs', { from: 0, count: mostOffered });
        return rows.map(({ job, name, state }) => ({ text: String(job), help: cellText(`${name}, ${state}`) }));
      }),
    tasks: (job) =>
      ask(async (client) => {
        const rows = await client.request('tasks', { job, from: 0, count: mostOffered });
        return rows.map(({ task, state }) => ({ text: task, help: state }));
      }),
    nodes: () =>
      ask(async (client) => {
        const rows = await client.request('nodes', {});
        return rows.map(({ name, health, intent, slots }) => ({
          text: name,
          help: `${health}, ${intent}, ${slots} ${slots === 1 ? 'slot' : 'slots'}`,
        }));
      }),
  };
}
