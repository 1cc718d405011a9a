/** Carries a word out: its operands are counted, its coordinator is found, what goes wrong becomes one line and an exit code. */
import { exitCodes, LbtopError, oneLine } from '../model/errors.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import type { CommandLine } from './command-line.ts';
import { usage } from './complaint.ts';
import { findWhereabouts } from './find-address.ts';
import type { WordName } from './flags.ts';
import { duration } from './format.ts';
import { type Io, OutputClosed, printLine } from './io.ts';
import { type Notices, noticesOn } from './notices.ts';
import { isLocal, type Places } from './places.ts';
import { cellText } from './plain-text.ts';
import { words } from './words.ts';

/** Connects to the coordinator that is meant; what happens to the connection later goes to the notices. */
export type Open = (line: CommandLine, where: Places, notices: Notices) => Promise<Client>;

async function openByFlags({ flags }: CommandLine, where: Places, notices: Notices): Promise<Client> {
  const [{ openClient }, { lastingClient, defaultReconnectMs }] = await Promise.all([
    import('./find.ts'),
    import('./lasting.ts'),
  ]);
  const reconnectMs = flags.reconnect ?? defaultReconnectMs;
  const client = await openClient(flags, where);
  return lastingClient(client, {
    connect: (signal) => openClient(flags, where, { signal }),
    reconnectMs,
    onLost(why) {
      notices.say(`${cellText(why)}; trying to reach it again for ${duration(reconnectMs)}`);
    },
    onBack(awayMs) {
      notices.say(`the coordinator is there again after ${duration(awayMs)}`);
    },
  });
}

/** Does what a word says. Returns the exit code; throws nothing. */
export async function runWord(
  line: CommandLine & { word: WordName },
  io: Io,
  where: Places,
  open: Open = openByFlags,
): Promise<number> {
  let client: Promise<Client> | null = null;
  const notices = noticesOn(io.stderr);
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
      notices,
      local: isLocal(findWhereabouts(flags, where)),
      given: (flag) => line.origins[flag] === 'flag',
      client() {
        client ??= open(line, where, notices);
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
