/** Carries a word out: its operands are counted, its coordinator is found, what goes wrong becomes one line and an exit code. */
import { exitCodes, LbtopError, oneLine } from '../model/errors.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import type { CommandLine } from './command-line.ts';
import { usage } from './complaint.ts';
import { findWhereabouts } from './find-address.ts';
import type { WordName } from './flags.ts';
import { type Io, OutputClosed, printLine } from './io.ts';
import { isLocal, type Places } from './places.ts';
import { cellText } from './plain-text.ts';
import { words } from './words.ts';

/** Connects to the coordinator that is meant. */
export type Open = (line: CommandLine, where: Places) => Promise<Client>;

async function openByFlags(line: CommandLine, where: Places): Promise<Client> {
  const { openClient } = await import('./find.ts');
  return openClient(line.flags, where);
}

/** Does what a word says. Returns the exit code; throws nothing. */
export async function runWord(
  line: CommandLine & { word: WordName },
  io: Io,
  where: Places,
  open: Open = openByFlags,
): Promise<number> {
  let client: Promise<Client> | null = null;
  try {
    const { word, flags, operands, command } = line;
    const row = words[word];
    const [min, max] = row.operands;
    if (operands.length < min) throw usage(`${word} needs more: lbtop ${word} ${row.usage}`);
    if (operands.length > max) throw usage(`too much after ${word}: lbtop ${word} ${row.usage}`.trimEnd());
    const call: Call = {
      flags,
      operands,
      command,
      io,
      local: isLocal(findWhereabouts(flags, where)),
      given: (flag) => line.origins[flag] === 'flag',
      client() {
        client ??= open(line, where);
        return client;
      },
    };
    const run = await row.load();
    return await run(call);
  } catch (error) {
    return complain(io, error);
  } finally {
    if (client !== null) (await (client as Promise<Client>).catch(() => null))?.close();
  }
}

/** Says in one line what went wrong. Returns the exit code. */
export async function complain(io: Io, error: unknown): Promise<number> {
  if (error instanceof OutputClosed) return exitCodes.done;
  try {
    await printLine(io.stderr, `lbtop: ${cellText(oneLine(error))}`); // it may quote what others wrote
  } catch {
    // Nobody reads that either.
  }
  return error instanceof LbtopError ? error.exitCode : exitCodes.failed;
}
