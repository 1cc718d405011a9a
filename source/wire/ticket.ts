/**
 * Tickets: a coordinator's word that a node may run one task for whoever brings it. Signed with Ed25519; nodes know the
 * public key of their coordinator only, so that nobody who has its secret can make any.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { instant, type JobSpec, jobId, jobSpecShape, nodeName } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { bytes, type Infer, int, struct } from '../model/shape.ts';
import { packValue, unpackValue } from './codec.ts';
import { type AssignedTask, assignedTask } from './messages.ts';

export const ticketShape = struct({ body: bytes(limits.frameBytes), signature: bytes(64) });
export type Ticket = Infer<typeof ticketShape>;

const bodyShape = struct({
  node: nodeName,
  /** Taken until then. */
  expiresAt: instant,
  /** As of the `assign` that it stands for. */
  seq: int(0, Number.MAX_SAFE_INTEGER),
  job: jobId,
  spec: jobSpecShape,
  task: assignedTask,
});

/** What a ticket says. */
export interface TicketBody {
  node: string;
  expiresAt: number;
  seq: number;
  job: number;
  spec: JobSpec;
  task: AssignedTask;
}

export interface TicketSigner {
  /** What nodes know it by: the key in DER (SPKI). */
  readonly publicKey: Uint8Array;
  sign(body: TicketBody): Ticket;
}

/** Returns a signer with a new key of its own. */
export function ticketSigner(): TicketSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })),
    sign(said) {
      const body = packValue(bodyShape.pack(said));
      return { body, signature: sign(null, body, privateKey) };
    },
  };
}

/** Returns the key that nodes verify with. Throws where it is none. */
export function ticketKey(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(publicKey), type: 'spki', format: 'der' });
}

/** Returns what a ticket says, or null where the key's owner has not signed it. The body is copied. */
export function readTicket({ body, signature }: Ticket, key: KeyObject): TicketBody | null {
  const own = Buffer.from(body);
  if (!verify(null, own, key, signature)) return null;
  return bodyShape.unpack(unpackValue(own));
}
