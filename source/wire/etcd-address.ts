/** `etcd://HOST:PORT,HOST:PORT…[/PREFIX]`: where an engine's members are, and under which keys lbtop keeps its own. */
import { LbtopError } from '../model/errors.ts';
import { hostPort } from './reach.ts';

/** Where the members of an engine answer, and the beginning of all keys, without a slash at its end. */
export interface EtcdAddress {
  readonly members: readonly { readonly host: string; readonly port: number }[];
  readonly prefix: string;
}

const scheme = 'etcd://';
const defaultMemberPort = 2379;
const defaultPrefix = '/lbtop';
const member = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;
const prefixes = /^(?:\/[A-Za-z0-9._-]+)+$/;

/** Returns true for what is meant as the address of an engine, well written or not. */
export function isEtcdAddress(text: string): boolean {
  return text.startsWith(scheme);
}

/** Reads it. Throws LbtopError `usage` for anything else. */
export function parseEtcdAddress(text: string): EtcdAddress {
  const rest = text.slice(scheme.length);
  const slash = rest.indexOf('/');
  const path = slash === -1 ? '' : rest.slice(slash).replace(/\/+$/, '');
  const members = (slash === -1 ? rest : rest.slice(0, slash)).split(',').map((one) => {
    const [matched, bracketed, plain, port = `${defaultMemberPort}`] = member.exec(one) ?? [];
    const host = bracketed ?? plain;
    if (matched === undefined || host === undefined || Number(port) < 1 || Number(port) > 65_535) throw malformed(text);
    return { host, port: Number(port) };
  });
  if (!isEtcdAddress(text) || (path !== '' && !prefixes.test(path))) throw malformed(text);
  return { members, prefix: path === '' ? defaultPrefix : path };
}

/** The members as a person reads them. */
export function memberList({ members }: EtcdAddress): string {
  return members.map(({ host, port }) => hostPort(host, port)).join(', ');
}

function malformed(text: string): LbtopError {
  return new LbtopError('usage', `${text} is not the address of an engine: write etcd://HOST:2379,HOST:2379`);
}
