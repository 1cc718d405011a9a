/** What each role may ask of a coordinator. The rows stand with the verbs in verbs.ts; all that is not listed is refused. */
import { LbtopError } from '../model/errors.ts';
import type { Role } from './messages.ts';

/**
 * How far a role reaches with a verb: `all`; `own`: its own jobs only; `show`: it is told, and changes nothing; `masked`:
 * as `all`, without command lines and environments.
 */
export type Reach = 'all' | 'own' | 'show' | 'masked';

/** Of one verb: each role that may ask it. A role that is absent may not. */
export type Permission = Readonly<Partial<Record<Role, Reach>>>;

/** Returns how far `role` reaches with the verb. Throws LbtopError (refused), which says which role is needed. */
export function reachOf(verb: string, may: Permission, role: Role): Reach {
  const reach = may[role];
  if (reach === undefined) throw refusedVerb(verb, role, may);
  return reach;
}

/** Returns the error for a verb that needs another role. */
export function refusedVerb(verb: string, role: Role, may: Permission): LbtopError {
  const needed = Object.keys(may).join(' or ');
  return new LbtopError('refused', `${verb} needs the role ${needed}, and this connection has the role ${role}`);
}
