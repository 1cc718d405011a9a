/** `lbtop token`: access for others, without the coordinator's secret. */
import { networkInterfaces } from 'node:os';
import type { TokenRow } from '../../model/report.ts';
import { hostPort, isLoopback } from '../../wire/reach.ts';
import type { VerbGives } from '../../wire/verbs.ts';
import type { Call } from '../call.ts';
import { quote, usage } from '../complaint.ts';
import { exactTime, time } from '../format.ts';
import { printJson, printLine } from '../io.ts';
import { parseAddress } from '../places.ts';
import { type Colour, type Column, onePage, printRows } from '../table.ts';

/** What `token` can be asked for. */
export const tokenActions = ['create', 'list', 'revoke', 'rotate'] as const;

/** How long the secret of before is accepted where nothing is said. */
const periodMs = 24 * 3_600_000;

/** Makes, lists or ends tokens, or changes the secret that all follow from. */
export async function token(call: Call): Promise<number> {
  const [action, ...named] = call.operands;
  const { role, ttl, tokenName } = call.flags;
  if (action !== 'create' && (role !== undefined || tokenName !== undefined))
    throw usage(`--role and --name go with create, not with ${action}`);
  if (action !== 'revoke' && named.length > 0) throw usage(`too much after token ${action}: see lbtop token --help`);
  switch (action) {
    case 'create':
      return create(call);
    case 'list':
      return listTokens(call);
    case 'revoke':
      return revoke(call, named);
    case 'rotate': {
      const { until } = await (await call.client()).request('secret-rotate', { periodMs: ttl ?? periodMs });
      if (call.flags.json) await printJson(call.io.stdout, { until });
      else
        await printLine(
          call.io.stdout,
          `a new secret lies in the coordinator's file: copy it until ${exactTime(until)}, when the old one and its tokens end`,
        );
      return 0;
    }
    default:
      throw usage(`token ${quote(action ?? '')}: expected ${tokenActions.join(', ')}`);
  }
}

async function create({ client, flags, io }: Call): Promise<number> {
  const { role, ttl, tokenName } = flags;
  if (role === undefined) throw usage('what may it do? lbtop token create --role node|submitter|operator|viewer');
  const connection = await client();
  const made = await connection.request('token-create', { role, ttlMs: ttl ?? null, name: tokenName ?? null });
  const [address, ...others] = addressesFor(flags.connect, connection.address, made.address);
  if (flags.json) {
    const { id, token: text, name, expiresAt } = made;
    await printJson(io.stdout, {
      id,
      role,
      name,
      token: text,
      expiresAt,
      connect: address,
      ...(role === 'node' ? { command: commandFor(made, address) } : {}),
    });
    return 0;
  }
  await printLine(io.stdout, role === 'node' ? commandFor(made, address) : made.token);
  const until = made.expiresAt === null ? 'until it is revoked' : `until ${exactTime(made.expiresAt)}`;
  const how =
    role === 'node'
      ? 'run this line on the new machine; whoever has it can be a node'
      : `put this line into a file that only its user can read (chmod 600): lbtop status --connect ${address} --secret-file FILE`;
  await printLine(io.stderr, `${made.name} holds ${until}: ${how}`);
  if (isLocalAddress(address))
    await printLine(
      io.stderr,
      'the coordinator listens on this machine only: others reach it when it runs with --host',
    );
  else if (others.length > 0)
    await printLine(io.stderr, `where ${address} does not lead here, put another in its place: ${others.join(', ')}`);
  return 0;
}

/**
 * One line for a shell, which puts the token into a file that only its user can read: `printf` is a shell's own, so that
 * no list of processes ever shows it.
 */
function commandFor({ id, token: text }: VerbGives<'token-create'>, address: string): string {
  const file = `"\${XDG_STATE_HOME:-$HOME/.local/state}/lbtop/token-${id}"`;
  const keep = `(umask 077; mkdir -p "\${XDG_STATE_HOME:-$HOME/.local/state}/lbtop"; printf '%s\\n' '${text}' > ${file})`;
  return `${keep} && lbtop --node --connect ${address} --secret-file ${file}`;
}

/**
 * What we reached it by, where that is no address of this machine's own; else what it calls itself. Whoever listens on all
 * addresses of this machine has many: those that need no name server first, then its name.
 */
function addressesFor(connect: Call['flags']['connect'], reached: string, called: string): [string, ...string[]] {
  if (connect !== undefined && 'engine' in connect) return [connect.engine];
  if (!isLocalAddress(reached)) return [reached];
  const at = parseAddress(called);
  // Where it listens on one address that others reach, nobody comes over loopback.
  if (at === undefined || isLoopback(at.host)) return [called];
  const [first, ...more] = outerAddresses().map((host) => hostPort(host, at.port));
  return first === undefined ? [called] : [first, ...more, called];
}

/** Addresses by which others may reach this machine, the likeliest first. */
function outerAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list = []) => list);
  return all
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .toSorted((a, b) => Number(b.family === 'IPv4') - Number(a.family === 'IPv4'))
    .map(({ address }) => address);
}

function isLocalAddress(text: string): boolean {
  const at = parseAddress(text);
  return at !== undefined && isLoopback(at.host);
}

const colours: Readonly<Record<TokenRow['state'], Colour | null>> = {
  valid: 'green',
  expired: 'dim',
  revoked: 'dim',
  rotated: 'dim',
};

async function listTokens({ client, flags, io }: Call): Promise<number> {
  const now = io.now();
  const columns: Column<TokenRow>[] = [
    { title: 'ID', text: ({ id }) => id },
    { title: 'ROLE', text: ({ role }) => role },
    { title: 'NAME', text: ({ name }) => name },
    { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => colours[state] },
    { title: 'CREATED', spare: 2, text: ({ createdAt }) => time(createdAt, now) },
    { title: 'EXPIRES', text: ({ expiresAt }) => (expiresAt === null ? 'never' : exactTime(expiresAt)) },
    { title: 'IN USE', spare: 1, right: true, text: ({ connections }) => String(connections) },
    { title: 'BY', text: ({ by }) => by },
  ];
  await printRows(io.stdout, columns, onePage(await (await client()).request('token-list', {})), flags.json);
  return 0;
}

async function revoke({ client, flags, io }: Call, named: readonly string[]): Promise<number> {
  if (named.length === 0) throw usage('which? lbtop token revoke ID|NAME… (lbtop token list lists them)');
  const connection = await client();
  const revoked: string[] = [];
  for (const one of named) revoked.push(...(await connection.request('token-revoke', { token: one })).tokens);
  if (flags.json) await printJson(io.stdout, { tokens: revoked });
  else for (const id of revoked) await printLine(io.stdout, `${id} revoked`);
  return 0;
}
