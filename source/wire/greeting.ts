/** The first words of a connection: who speaks, which version both know, and why not. No sockets here. */
import type { RefusalCode } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type Message, type MessageOf, protocol, type Role } from './messages.ts';

/** The versions of the protocol that one side speaks, both ends included. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** Why a peer is not let in. */
export interface Refusal {
  code: RefusalCode;
  reason: string;
}

/** Returns the highest version in both ranges, or null. */
export function commonVersion(ours: VersionRange, theirs: VersionRange): number | null {
  const version = Math.min(ours.max, theirs.max);
  return version >= Math.max(ours.min, theirs.min) ? version : null;
}

/** `1` or `1 to 3` */
export function range({ min, max }: VersionRange): string {
  return min === max ? `${min}` : `${min} to ${max}`;
}

/**
 * Judges the first batch of a connection. `provenRole` is the one whose key the peer holds; null where nothing was
 * proven. Returns the hello and the version to speak, or the refusal.
 */
export function judgeHello(
  batch: readonly Message[],
  ours: VersionRange,
  provenRole: Role | null,
): { hello: MessageOf<'hello'>; version: number } | Refusal {
  const refused = (reason: string): Refusal => ({ code: 'refused', reason });
  const [hello] = batch;
  if (hello?.kind !== 'hello' || batch.length > 1) return refused('expected hello, alone, first');
  if (hello.protocol !== protocol.name) return refused(`expected the protocol ${protocol.name}, got ${hello.protocol}`);
  if (provenRole !== null && hello.role !== provenRole)
    return refused(`said to be ${hello.role} with the key of ${provenRole}`);
  const version = commonVersion(ours, hello);
  if (version !== null) return { hello, version };
  // Both sides read it, the coordinator in its log.
  const { role, version: theirs } = hello;
  const whatToDo = hello.min > ours.max ? 'update the coordinator' : `update the ${role}'s lbtop ${theirs}`;
  return refused(`the coordinator speaks protocol ${range(ours)}, the ${role} ${range(hello)}: ${whatToDo}`);
}

/** Returns the answer to a peer that is not let in. */
export function refusal({ code, reason }: Refusal): MessageOf<'refuse'> {
  return { kind: 'refuse', code, reason: reason.slice(0, limits.textLength) };
}
