/** Who asked for what: a line of the log for each request that changes something, and a fact for each that was carried out. */
import { LbtopError, oneLine } from '../model/errors.ts';
import type { EventOf } from '../model/event.ts';
import { limits } from '../model/limits.ts';
import { displayText } from '../view/display-text.ts';
import type { Identity } from '../wire/keys.ts';
import { fewLines, type Rate } from '../wire/turned-away.ts';
import { type VerbArgs, type VerbName, verbs } from '../wire/verbs.ts';

/** Who speaks on a connection. `identity` is null where nothing was proven. */
export interface Speaker {
  readonly role: Identity['role'];
  readonly who: string;
  readonly identity: Identity | null;
  readonly address: string;
}

const longestArguments = 500;

/** Whoever may not do much is told of one by one so often; it could fill the disk by asking. */
const vainLines: Rate = { lines: 20, everyMs: 60_000 };
/** So many of those are told apart. */
const mostVain = 1_000;

export interface Audit {
  /** A request was carried out (`error` is null) or not. */
  tell(speaker: Speaker, verb: VerbName, args: unknown, error: unknown): void;
  /** Tells now what was only counted so far. */
  flush(): void;
}

/** A request that was carried out, as the journal keeps it. */
export type Act = Omit<EventOf<'act'>, 'at'>;

/**
 * Returns a record that writes lines, and lets what was carried out be kept. Operators have a line for each request; others
 * for each that was carried out, while of those that were not a few a minute are told for whatever proves who asks, and then
 * how many more there were.
 */
export function auditLog(log: (line: string) => void, keep: (act: Act) => void, now?: () => number): Audit {
  /** By proof, the last one made last. */
  const vain = new Map<string, ReturnType<typeof fewLines<[string]>>>();

  function vainOf(proof: string): ReturnType<typeof fewLines<[string]>> {
    const known = vain.get(proof);
    if (known !== undefined) return known;
    const more = (count: number) =>
      log(`audit: ${proof}: ${count} more refused or failed, for reasons like those before`);
    const made = fewLines(log, more, vainLines, now);
    vain.set(proof, made);
    for (const [oldest, { flush }] of vain) {
      if (vain.size <= mostVain) break;
      flush();
      vain.delete(oldest);
    }
    return made;
  }

  return {
    tell(speaker, verb, args, error) {
      if (error === null) keep(actOf(speaker, verb, args));
      const line = auditLine(speaker, verb, args, error);
      if (error === null || speaker.role === 'operator') log(line);
      else vainOf(`${speaker.role}, ${proofOf(speaker)}`)(line);
    },
    flush() {
      for (const { flush } of vain.values()) flush();
    },
  };
}

function proofOf({ identity }: Speaker): string {
  return identity === null ? 'unproven' : `${identity.proof.kind} ${identity.proof.id}`;
}

function actOf(speaker: Speaker, verb: VerbName, args: unknown): Act {
  const about = JSON.stringify(args ?? {}).slice(0, limits.reasonLength);
  return { kind: 'act', by: speaker.who, role: speaker.role, proof: proofOf(speaker), verb, about };
}

/** Returns the line for a request; `error` is why it was not carried out, null where it was. */
function auditLine(speaker: Speaker, verb: VerbName, args: unknown, error: unknown): string {
  const { role, who, address } = speaker;
  const proof = proofOf(speaker);
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
