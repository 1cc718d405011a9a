/**
 * Messages ⇄ MessagePack: the only file that knows msgpackr, which it takes in JavaScript alone (`msgpackr/pack`,
 * `msgpackr/unpack`): the native addon is called once per string and makes frames of many small messages 2.3 times
 * slower to read. Nothing is decoded before checkPlain has seen it.
 */
import { Packr, RESERVE_START_SPACE, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { limits } from '../model/limits.ts';
import { ShapeError } from '../model/shape.ts';
import { type Message, messages } from './messages.ts';
import { checkPlain, plainElements } from './plain.ts';

/** A job's JSON input, inside its spec, in a request, in a message, in a frame, with some room for what comes later. */
const maxDepth = limits.inputDepth + 16;

/**
 * `encodeUndefinedAsNil`: a slip that left a field undefined then is nil, which the other side's check names, and not an
 * extension type. `variableMapSize`: maps of more than 65,535 keys can be said, and small ones take a byte less.
 */
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** msgpackr keeps its buffer as large as the largest value was; beyond this it gets a small one again. */
const keptBufferBytes = 1024 * 1024;
const bufferBytes = 64 * 1024;
const giveBuffer = packr.useBuffer.bind(packr);

/** Returns the payload of a frame that holds these messages. Throws nothing for what the type system vouches for. */
export function encode(batch: readonly Message[]): Buffer {
  return packValue(batch.map(messages.pack));
}

/** Where `packScratch` left an encoded message. */
interface Scratch {
  bytes: Buffer;
  start: number;
  end: number;
}

/**
 * Encodes one message into a buffer that the next call of any function of this file may write over: the caller copies
 * `bytes[start..end)` at once. Saves the views and buffers that would otherwise be made for each message.
 */
export function encodeScratch(message: Message): Scratch {
  const target = packr.pack(messages.pack(message), REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as Buffer &
    Omit<Scratch, 'bytes'>;
  if (target.length > keptBufferBytes) giveBuffer(Buffer.allocUnsafeSlow(bufferBytes));
  return { bytes: target, start: target.start, end: target.end };
}

/**
 * Returns the messages of a frame's payload, without those whose code this version does not know. Binary fields
 * (`output.data`, `spec.stdin`, those inside `raw` fields) are views of `payload`: whoever keeps one beyond the callback
 * that it arrived in copies it, else it holds the whole chunk in memory. Throws PlainError where the bytes are not plain
 * MessagePack, ShapeError where they are not messages of messages.ts.
 */
export function decode(payload: Buffer): Message[] {
  const raw = unpackValue(payload);
  if (!Array.isArray(raw) || raw.length === 0 || raw.length > limits.messagesPerFrame)
    throw new ShapeError(`expected an array of 1 to ${limits.messagesPerFrame} messages`);
  const batch: Message[] = [];
  for (const one of raw) {
    const message = messages.unpack(one);
    if (message !== null) batch.push(message);
  }
  return batch;
}

/**
 * Encodes plain arrays, maps, strings, numbers, booleans, null and binary. Returns a buffer of its own (never written
 * again) whose first `headroomBytes` (0..255) are free for a header of the caller's.
 */
export function packValue(value: unknown, headroomBytes = 0): Buffer {
  const packed = packr.pack(value, headroomBytes === 0 ? 0 : RESERVE_START_SPACE | headroomBytes);
  if (packed.buffer.byteLength > keptBufferBytes) giveBuffer(Buffer.allocUnsafeSlow(bufferBytes));
  return packed;
}

/**
 * Decodes what `packValue` encoded; binary parts are views of `bytes`. Throws PlainError for anything but plain
 * MessagePack: extension types, integers beyond 2^53, other than string keys, more than 80 levels, a cut or a rest.
 */
export function unpackValue(bytes: Buffer): unknown {
  checkPlain(bytes, maxDepth);
  return unpackr.unpack(bytes);
}

/**
 * Returns the bytes of each element of the list that `packValue` made these bytes of, undecoded; null where they are no
 * list. Throws PlainError as `unpackValue` does, but for what comes after the list.
 */
export function packedElements(bytes: Buffer): Buffer[] | null {
  const places = plainElements(bytes, 0, maxDepth);
  return places === null ? null : places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}
