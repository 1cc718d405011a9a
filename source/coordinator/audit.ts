/** Who asked for what: one line of the log for each request that changes something, carried out or not. */
import { LbtopError, oneLine } from '../model/errors.ts';
import { displayText } from '../view/display-text.ts';
import type { Identity } from '../wire/keys.ts';
import { type VerbArgs, type VerbName, verbs } from '../wire/verbs.ts';

/** Who speaks on a connection. `identity` is null where nothing was proven. */
export interface Speaker {
  readonly role: Identity['role'];
  readonly who: string;
  readonly identity: Identity | null;
  readonly address: string;
}

const longestArguments = 500;

/** Returns the line for a request; `error` is why it was not carried out, null where it was. */
export function auditLine(speaker: Speaker, verb: VerbName, args: unknown, error: unknown): string {
  const { role, who, identity, address } = speaker;
  const proof = identity === null ? 'unproven' : `${identity.proof.kind} ${identity.proof.id}`;
  const asked = JSON.stringify(args ?? {}).slice(0, longestArguments);
  const refused = error instanceof LbtopError && error.code === 'refused';
  const outcome = error === null ? 'done' : `${refused ? 'refused' : 'failed'}: ${oneLine(error)}`;
  return displayText(`audit: ${who} (${role}, ${proof}) at ${address}: ${verb} ${asked}: ${outcome}`);
}

/** True where a checked request of this verb changes something; one that was not checked may have been meant to. */
export function isAction(verb: VerbName, args: unknown): boolean {
  if (verb !== 'policy' || args === undefined) return verbs[verb].acts;
  const { policy, queue } = args as VerbArgs<'policy'>;
  return policy !== null || queue !== null;
}
