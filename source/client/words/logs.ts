/** `lbtop logs` */
import { StringDecoder } from 'node:string_decoder';
import { taskId } from '../../model/job.ts';
import type { VerbGives } from '../../wire/verbs.ts';
import type { Call } from '../call.ts';
import { size } from '../format.ts';
import { type Io, type Output, printJson, printLine } from '../io.ts';
import { plainStream } from '../plain-text.ts';
import { targetOf } from '../targets.ts';

type Piece = VerbGives<'logs'>;
/** Takes the pieces of a task's streams in order, and then says what is left of them. */
interface Copy {
  take(piece: Piece): Promise<void>;
  end(): Promise<void>;
}

/**
 * Copies what tasks wrote: stdout to stdout, stderr to stderr, byte for byte; on a terminal as plain text, unless
 * `--raw`.
 */
export async function logs({ flags, io, operands, client }: Call): Promise<number> {
  const { job, index } = targetOf(operands[0] as string);
  const connected = await client();
  let current = -1;
  let copy: Copy | null = null;
  await connected.stream(
    'logs',
    { job, index, follow: flags.follow === true, tail: null, from: null },
    async (piece) => {
      if (copy === null || piece.index !== current) {
        await copy?.end(); // half a letter of one task is no beginning of another's
        copy = flags.json ? jsonCopy(io, job) : plainCopy(io, job, flags.raw === true);
        current = piece.index;
      }
      await copy.take(piece);
    },
  );
  await (copy as Copy | null)?.end();
  return 0;
}

function plainCopy({ stdout, stderr }: Io, job: number, raw: boolean): Copy {
  const streams = { 1: writer(stdout, raw), 2: writer(stderr, raw) };
  return {
    async take({ index, stream, data, cut }) {
      await streams[stream as 1 | 2].write(data);
      if (cut > 0)
        await printLine(stderr, `lbtop: ${size(cut)} of ${nameOf(stream)} of task ${taskId(job, index)} were not kept`);
    },
    async end() {
      await streams[1].end();
      await streams[2].end();
    },
  };
}

function writer(output: Output, raw: boolean): { write(data: Uint8Array): Promise<void>; end(): Promise<void> } {
  if (raw || !output.isTerminal) return { write: (data) => output.write(data), end: async () => {} };
  const plain = plainStream();
  return { write: (data) => output.write(plain.push(data)), end: () => output.write(plain.end()) };
}

function jsonCopy({ stdout }: Io, job: number): Copy {
  const decoders = { 1: new StringDecoder('utf8'), 2: new StringDecoder('utf8') };
  let of = 0;
  const print = (stream: number, text: string, cut: number) =>
    printJson(stdout, { task: taskId(job, of), index: of, stream: nameOf(stream), text, cut });
  return {
    async take({ index, stream, data, cut }) {
      of = index;
      await print(stream, decoders[stream as 1 | 2].write(data), cut);
    },
    async end() {
      for (const stream of [1, 2] as const) {
        const rest = decoders[stream].end(); // half a letter
        if (rest !== '') await print(stream, rest, 0);
      }
    },
  };
}

function nameOf(stream: number): string {
  return stream === 1 ? 'stdout' : 'stderr';
}
