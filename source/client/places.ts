/** Where things lie on this machine, by the XDG base directory rules, and where the local coordinator can be reached. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { isEtcdAddress, parseEtcdAddress } from '../wire/etcd-address.ts';
import { hostPort, isLoopback } from '../wire/reach.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export const defaultPort = 7077;

/** The directories and files of one user. */
export interface Places {
  /** Durable state: the secret, the journal, the address of the local coordinator. */
  stateDirectory: string;
  configDirectory: string;
  /** The journal of a coordinator that is told no other place. */
  dataDirectory: string;
  /** 32 bytes that whoever speaks with the coordinator has to know. */
  secretFile: string;
  /** Where the coordinator that runs here says its address. */
  coordinatorFile: string;
  /** JSON: flags by name, for those that are given neither on the command line nor by a variable. */
  settingsFile: string;
}

/** Returns the places of the user whose environment this is. Relative XDG paths count as absent, as XDG wants it. */
export function places(env: Environment = process.env): Places {
  const home = env.HOME || homedir();
  const directory = (value: string | undefined, fallback: string) =>
    join(value !== undefined && isAbsolute(value) ? value : join(home, fallback), 'lbtop');
  const stateDirectory = directory(env.XDG_STATE_HOME, '.local/state');
  const configDirectory = directory(env.XDG_CONFIG_HOME, '.config');
  return {
    stateDirectory,
    configDirectory,
    dataDirectory: join(stateDirectory, 'data'),
    secretFile: join(stateDirectory, 'secret'),
    coordinatorFile: join(stateDirectory, 'coordinator'),
    settingsFile: join(configDirectory, 'config.json'),
  };
}

/** Where something listens. */
export interface Address {
  host: string;
  port: number;
}

const withPort = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/;

/**
 * Reads `HOST:PORT`, `HOST`, `[IPV6]:PORT` or `[IPV6]`; the port is `port` where none is said. Returns undefined for
 * anything else, and for an IPv6 address without brackets: where it ends and the port begins cannot be told.
 */
export function parseAddress(text: string, port: number = defaultPort): Address | undefined {
  const match = withPort.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const said = match?.[3] === undefined ? port : Number(match[3]);
  if (match === null || host === '' || /[\s/@]/.test(host) || said > 65_535) return undefined;
  return { host, port: said };
}

/** Where a coordinator may be: at one of these addresses, or where an engine (`etcd://…`) says that the leader is. */
export type Whereabouts = readonly Address[] | { readonly engine: string };

/** Reads addresses separated by commas, or that of an engine. Returns undefined for anything else. */
export function parseWhereabouts(text: string): Whereabouts | undefined {
  if (isEtcdAddress(text)) return readEngine(text) === undefined ? undefined : { engine: text };
  const addresses = text.split(',').map((one) => parseAddress(one.trim()));
  return addresses.includes(undefined) ? undefined : (addresses as Address[]);
}

/** Returns the address of an engine as it is, or undefined where it is none. */
export function readEngine(text: string): string | undefined {
  try {
    parseEtcdAddress(text);
    return text;
  } catch {
    return undefined;
  }
}

/** What the coordinator's file says. */
export interface LocalCoordinator extends Address {
  pid: number;
}

/**
 * Tells everybody of this user where the coordinator is. Written whole or not at all, for its owner's eyes only.
 * Throws the file system's error.
 */
export function writeCoordinatorFile(file: string, { host, port, pid }: LocalCoordinator): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${pid}`;
  writeFileSync(draft, `${JSON.stringify({ address: hostPort(reachable(host), port), pid })}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** Returns where the local coordinator said that it is, or null where none did (or the file is not what it should be). */
export function readCoordinatorFile(file: string): LocalCoordinator | null {
  let said: unknown;
  try {
    said = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
  if (typeof said !== 'object' || said === null || !('address' in said) || typeof said.address !== 'string')
    return null;
  const address = parseAddress(said.address);
  const pid = 'pid' in said && typeof said.pid === 'number' ? said.pid : 0;
  return address === undefined ? null : { ...address, pid };
}

/** Takes the file away if it is still that of process `pid`: another coordinator may have started since. */
export function removeCoordinatorFile(file: string, pid: number): void {
  if (readCoordinatorFile(file)?.pid === pid) rmSync(file, { force: true });
}

/** An address that stands for all of a machine's is no address to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** True where only a coordinator on this machine can be meant. */
export function isLocal(whereabouts: Whereabouts): boolean {
  return !('engine' in whereabouts) && whereabouts.every(({ host }) => isLoopback(host));
}
