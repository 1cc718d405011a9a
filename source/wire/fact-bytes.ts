/**
 * Facts ⇄ compact bytes, as variant-bytes.ts says: a heartbeat takes about 10 bytes once compressed, positional MessagePack
 * about 60. The table of `sampled` is keyed: what a node measures resembles what it measured before.
 */
import { facts } from '../model/fact.ts';
import { batchBytes, rowsPerBatch } from './variant-bytes.ts';

/** A batch has at most so many facts. */
export const factsPerBatch = rowsPerBatch;

/** `packFacts` and `unpackFacts` are as `BatchBytes` says. */
export const { pack: packFacts, unpack: unpackFacts, bytesByKind } = batchBytes(facts, { keyed: ['sampled'] });
