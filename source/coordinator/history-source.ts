import { type FileHandle, open } from 'node:fs/promises';
import type { LiveHistory } from '../feed/live-history.ts';
import { LbtopError } from '../model/errors.ts';
import { finished, type Source } from './source.ts';

const pieceBytes = 128 * 1024;

/** The past of the session as the bytes of a trace, up to the moment when the first of them is asked for. */
export function historySource(history: LiveHistory): Source {
  let handle: FileHandle | null = null;
  let bytes = 0;
  let offset = 0;
  let closed = false;

  async function begin(): Promise<FileHandle> {
    const part = await history.upToNow();
    if (part === null) throw new LbtopError('failed', 'no history is kept: nobody has watched this session yet');
    bytes = part.bytes;
    return open(part.file);
  }

  return {
    async pull() {
      handle ??= await begin();
      if (closed) await handle.close();
      if (closed || offset >= bytes) return finished;
      const wanted = Math.min(pieceBytes, bytes - offset);
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(wanted), 0, wanted, offset);
      offset += bytesRead;
      return bytesRead === 0 ? finished : buffer.subarray(0, bytesRead);
    },
    close() {
      closed = true;
      void handle?.close().catch(() => {}); // it was only read
    },
  };
}
