/**
 * Tells an older copy of a data directory from the newest. Nothing within a copy can: so nodes keep a receipt of how far
 * the journal had come, and bring it when they join. It names the term and its last durable batch; the directory notes
 * its terms, and after which batch each began. A copy that was put back lacks the term of the receipt, has another one in
 * its place, or began its next term before that batch.
 *
 * A receipt is sealed (HMAC-SHA-256) with a key of the directory's own: a node can bring what it was given and nothing else.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { LbtopError } from '../model/errors.ts';
import { int, list, pattern, struct } from '../model/shape.ts';
import { journalFiles, syncDirectory } from './directory.ts';

export interface Lineage {
  /** Of the directory: the same in each of its terms, another one after `force`. No secret. */
  readonly id: string;
  /** Returns what nodes are to keep where `head` is the last durable batch. */
  receipt(head: number): string;
  /** Whether a receipt shows that this directory has been further than it is. One of another directory shows nothing. */
  isBehind(receipt: string): boolean;
}

export interface LineageOptions {
  directory: string;
  /** Of the term that begins: its epoch, and the last batch before it. */
  epoch: number;
  head: number;
  /** Goes on from an older copy: from now on it is a directory of its own, and older receipts show nothing. */
  force: boolean;
}

const number = int(0, Number.MAX_SAFE_INTEGER);
const word = pattern('base64', /^[A-Za-z0-9_-]{8,64}$/);
/** `id` tells apart two terms of one epoch, begun by two copies; `after`: the last batch before it. */
const termShape = struct({ epoch: number, id: word, after: number });
/** Of older terms nothing is known any more. */
const mostTerms = 1_000;
const fileShape = struct({ key: word, terms: list(termShape, mostTerms) });

/**
 * Notes the term that begins, durably. Throws LbtopError `refused` where the journal is behind the terms that were noted,
 * and what the file system does where it cannot be noted.
 */
export function openLineage({ directory, epoch, head, force }: LineageOptions): Lineage {
  const { lineage: file } = journalFiles(directory);
  const found = force ? null : readTerms(file);
  const { key, terms: before } = found ?? { key: randomBytes(32).toString('base64url'), terms: [] };
  if (before.some((term) => term.epoch >= epoch || term.after > head)) throw behind(`the journal in ${directory}`);
  const mine = { epoch, id: randomBytes(6).toString('base64url'), after: head };
  const terms = [...before, mine].slice(-mostTerms);
  writeDurably(file, directory, `${JSON.stringify(fileShape.pack({ key, terms }))}\n`);

  const sealing = Buffer.from(key, 'base64url');
  const seal = (text: string): Buffer => createHmac('sha256', sealing).update(text).digest().subarray(0, 16);

  return {
    id: seal('directory').toString('base64url'), // no receipt: those have dots
    receipt(head) {
      const text = `${epoch}.${mine.id}.${head}`;
      return `${text}.${seal(text).toString('base64url')}`;
    },
    isBehind(receipt) {
      const end = receipt.lastIndexOf('.');
      const text = receipt.slice(0, Math.max(end, 0));
      const shown = Buffer.from(receipt.slice(end + 1), 'base64url');
      if (shown.length !== 16 || !timingSafeEqual(shown, seal(text))) return false;
      const [epochThen, id, seq] = text.split('.');
      const at = terms.findIndex((term) => term.epoch === Number(epochThen));
      if (at < 0) return Number(epochThen) >= (terms[0] as typeof mine).epoch;
      const next = terms[at + 1];
      return terms[at]?.id !== id || (next !== undefined && Number(seq) > next.after);
    },
  };
}

/** Returns the error of a coordinator that must not go on with its data; `who` knows that it must not. */
export function behind(who: string): LbtopError {
  return new LbtopError(
    'refused',
    `${who} shows that these data are an older copy: put the newest in their place, or start with --force-older-data`,
  );
}

/** Returns what was noted, or null where nothing that can be read was. */
function readTerms(file: string) {
  try {
    return fileShape.unpack(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

function writeDurably(file: string, directory: string, text: string): void {
  const draft = `${file}.next`;
  const handle = openSync(draft, 'w', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
  syncDirectory(directory);
}
