/**
 * Waits for the beginning of a TLS handshake. A handshake costs memory and time from its first byte on; who never says
 * the whole of its first record costs a socket and those bytes.
 */
import type { Socket } from 'node:net';

/** type, version, length: RFC 8446, 5.1 */
const headerBytes = 5;
const handshakeType = 0x16;
/** Longer ones are no TLS: RFC 8446, 5.2. */
const mostBytes = 2 ** 14 + 256;

/**
 * Calls `then` once a whole first record can be read from the socket, or what cannot become one: the socket has all its
 * bytes still. Never calls it for a socket that ends before.
 */
export function afterFirstRecord(socket: Socket, then: () => void): void {
  let begun: Buffer = Buffer.alloc(0);

  function look(): void {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read())
      begun = begun.length === 0 ? chunk : Buffer.concat([begun, chunk]);
    if (begun.length < neededBytes(begun)) return;
    socket.off('readable', look);
    socket.unshift(begun);
    then();
  }

  socket.on('readable', look);
}

/** How many bytes the first record takes, as far as its beginning tells; as many as there are where it is none. */
function neededBytes(begun: Buffer): number {
  if (begun.length === 0) return 1;
  if (begun[0] !== handshakeType) return begun.length;
  if (begun.length < headerBytes) return headerBytes;
  const length = begun.readUInt16BE(3);
  return length > mostBytes ? begun.length : headerBytes + length;
}
