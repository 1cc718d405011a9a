import type { OutputPiece } from './store.ts';
import { damage, type Place } from './store-error.ts';

/** A stored piece: `data` at `offset`, and `cut` bytes after it that nobody has. */
export interface Piece extends OutputPiece {
  readonly offset: number;
}

/**
 * Returns what `Store.readOutput` promises from the pieces of a stream in order of offset, of which the first is the
 * last one that begins at or before `offset`. Throws `damaged` where something between them is missing.
 */
export function pieceFrom(pieces: Iterable<Piece>, offset: number, maxBytes: number, place: Place): OutputPiece | null {
  const parts: Uint8Array[] = [];
  let at = offset;
  let left = maxBytes;
  for (const piece of pieces) {
    if (piece.offset > at) throw damage(`bytes ${at} to ${piece.offset} of a task's output are missing`, place);
    const end = piece.offset + piece.data.length;
    if (at < end) {
      const part = piece.data.subarray(at - piece.offset, at - piece.offset + left);
      parts.push(part);
      at += part.length;
      left -= part.length;
    }
    if (at >= end && at < end + piece.cut) return { data: joined(parts), cut: end + piece.cut - at };
    if (left === 0) break;
  }
  return parts.length === 0 ? null : { data: joined(parts), cut: 0 };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}
