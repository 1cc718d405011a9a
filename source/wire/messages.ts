/**
 * # The lbtop protocol, version 1
 *
 * ## Bytes
 * A connection is TCP, inside TLS 1.3 with a pre-shared key (see endpoint.ts) unless the coordinator was started
 * without protection. Each side sends **frames**:
 *
 *     length   u32, big endian   bytes of the payload; 64 KiB at most before `welcome`, 8 MiB after
 *     checksum u32, big endian   CRC-32 (IEEE, as in zlib and PNG) of the payload
 *     payload                    MessagePack: one array of messages, 1..65,536 of them
 *
 * A **message** is an array whose first element is its code; the others are its fields in the order of the table below.
 * Only nil, booleans, numbers, strings (UTF-8), binary, arrays and maps with string keys may occur: no extension types.
 * Integers above 2^53 are not sent; arrays and maps nest at most 80 deep. A struct is an array of its fields in order.
 * Readers ignore messages whose code they do not know, and fields beyond those that they know. A frame or message that
 * breaks these rules, or a field outside its range, ends the connection (the receiver says `refuse` first).
 * Messages that one side says in one turn travel in one frame, in order, as far as they fit; lists that are longer than a
 * frame (items, assignments, pages) are split by the sender into several messages. `hello` travels alone in its frame.
 *
 * ## Conversation
 * The side that connected says `hello` first; the other answers `welcome` or `refuse` and, on `refuse`, closes.
 * The version spoken is the highest that both ranges hold. `role` is `node`, or what a client may do
 * (`submitter`, `operator`, `viewer`). Everything else waits for `welcome`; a peer has 5 s for it.
 *
 * ### A node
 * 1. says `join` with what it is and what it still holds from an earlier connection. Answer: `joined`, or `refuse`
 *    (another node of that name is connected). `incarnation` is chosen anew by each process: the same name and the
 *    same incarnation is the same agent come back. The coordinator then sends `stop` for attempts that it no longer
 *    wants and assigns again what the node does not hold.
 * 2. says `heartbeat` once a second; each is answered by `beat`, or only as many as the node asked for (`beatEvery` of
 *    `join`). Silence of 3 s makes it suspect (nothing new is placed), of 15 s lost (its tasks go back to the queue); 5 s
 *    after a broken connection it is lost too. The node may apply the same rule to the coordinator; it keeps its tasks
 *    running and connects again, waiting a random time up to 0.25 s × 2^n, at most 15 s.
 * 3. gets `job` once per connection before the first task of that job, then `assign`. `seq` grows with each `assign` on
 *    this connection; heartbeats say the last one seen. A node starts tasks in the order received, as many at once as its slots
 *    have room for (`cpus` of each job); the rest wait.
 * 4. says `started`, then `ended`, for each attempt. A short task may be only `ended`. An `ended` is kept, and said
 *    again on each new connection after `join`, until the coordinator says `settled` for it. If it cannot start a task
 *    through a fault of the machine it says `ended` with outcome `unfit`.
 * 5. on `recall` gives back what has not begun (`returned`); what has begun it leaves running and says nothing.
 * 6. on `stop` sends SIGTERM to the task's process group, 10 s later SIGKILL, and says `ended` with outcome `stopped`
 *    (or what it really was, if it had ended before). Of an attempt that it does not hold it says `returned`.
 * 7. sends the task's output as `output` pieces in order, each stream from offset 0 without gaps, at most 1 MiB ahead of
 *    the last `stored` offset. All pieces of an attempt come before its `ended`.
 * 8. before it ends its tasks in order to stop, says `leaving`: from then on nothing is assigned on this connection. When
 *    they have ended and are settled, says `leave`.
 *
 * ### A client
 * says `request` with an id of its own (unique on its connection) and a verb of verbs.ts; the answer is `reply` or `fail`
 * with that id, or, for verbs that stream, `item` many times and `done` (or `fail`) at the end. `abandon` ends a stream.
 * A job whose spec says `direct` goes to its nodes with its client: `tickets` streams a ticket (ticket.ts) for each of its
 * attempts, and the client says `redeem` with it on a connection of its own to the node, which listens as a coordinator
 * does and knows the keys from `joined`: the identity is `caller`. The node takes an attempt once, by ticket or by `assign`, and tells the coordinator
 * about it as about any other.
 * The receiver of a stream says `ready` with the number of items it has taken; at most 64 are under way beyond that.
 *
 * Either side may say `bye` before it closes.
 */

import { attemptNumber, instant, jobId, jobSpecShape, nodeName, ordinal } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { attemptKey, attemptShape, nodeInfoShape, outcomeShape, sampleShape } from '../model/node.ts';
import {
  bytes,
  type Infer,
  int,
  list,
  nullable,
  optional,
  raw,
  real,
  struct,
  text,
  type VariantOf,
  variants,
  word,
} from '../model/shape.ts';

export const protocol = { name: 'lbtop', min: 1, max: 1 } as const;

export const roles = ['node', 'submitter', 'operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

const counter = int(0, Number.MAX_SAFE_INTEGER);
const reason = text(limits.reasonLength);
const attempts = list(attemptShape, limits.rowsPerMessage);

/** One task of an `assign`: the index that users see, and its item (a line, or JSON text) where the job has items. */
export const assignedTask = struct({
  ordinal,
  index: counter,
  attempt: attemptNumber,
  item: nullable(text(limits.itemBytes)),
});
export type AssignedTask = Infer<typeof assignedTask>;

export const messages = variants({
  hello: [
    1,
    {
      protocol: text(16),
      min: int(0, 65_535),
      max: int(0, 65_535),
      role: word(roles),
      /** Who speaks, for logs and the record of operators' actions, e.g. `ana@desk`. */
      who: text(limits.reasonLength),
      version: text(limits.nameLength),
    },
  ],
  welcome: [
    2,
    {
      protocol: int(0, 65_535),
      version: text(limits.nameLength),
      at: instant,
      /** The same after a restart with the same jobs, another one with others; '': not told. */
      data: optional(text(limits.nameLength), ''),
    },
  ],
  refuse: [
    3,
    {
      /** `unreachable`: it may come again, with what it has to show by then. */
      code: word(['usage', 'unreachable', 'refused', 'failed']),
      reason: text(limits.textLength),
    },
  ],
  bye: [4, { reason }],

  join: [
    10,
    {
      name: nodeName,
      incarnation: text(limits.nameLength),
      info: nodeInfoShape,
      running: attempts,
      waiting: attempts,
      ended: attempts,
      /** How often this process has said it, this time counted; 0: not told. One that comes after a later one is passed over. */
      joins: optional(counter, 0),
      /** The last `receipt` that it was given. */
      receipt: optional(nullable(text(limits.reasonLength)), null),
      /** Of so many heartbeats one has to be answered. */
      beatEvery: optional(int(1, 60), 1),
    },
  ],
  heartbeat: [11, { seq: counter, seen: counter, sample: sampleShape }],
  started: [12, { attempts }],
  ended: [13, { outcomes: list(outcomeShape, limits.rowsPerMessage) }],
  returned: [14, { attempts }],
  output: [
    15,
    {
      ...attemptKey,
      /** 1 stdout, 2 stderr. */
      stream: int(1, 2),
      offset: counter,
      data: bytes(limits.outputPieceBytes),
      /** Bytes that were cut after `data` by the node's quota. */
      cut: counter,
    },
  ],
  progress: [16, { ...attemptKey, share: real(0, 1), note: text(limits.reasonLength) }],
  leave: [17, { reason }],
  leaving: [18, { reason }],

  joined: [
    30,
    {
      name: nodeName,
      throttle: real(0.05, 1),
      /** Whose tickets it may take: an Ed25519 key in DER. */
      ticketKey: optional(nullable(bytes(limits.reasonLength)), null),
      /** The pre-shared key of those who bring them, who are told it with their tickets. */
      callerKey: optional(nullable(bytes(32)), null),
    },
  ],
  /** `seq` of the heartbeat that it answers. */
  beat: [31, { seq: counter }],
  job: [32, { job: jobId, spec: jobSpecShape }],
  assign: [33, { seq: counter, job: jobId, tasks: list(assignedTask, limits.rowsPerMessage) }],
  recall: [34, { attempts }],
  stop: [35, { attempts, why: reason }],
  settled: [36, { attempts }],
  stored: [37, { ...attemptKey, stream: int(1, 2), offset: counter }],
  throttle: [38, { share: real(0.05, 1) }],
  /** Nothing of that job will be assigned on this connection without a new `job`. */
  forget: [39, { job: jobId }],
  /** How far the coordinator's journal has come, in its own words: to be kept, beyond a restart too, and told with `join`. */
  receipt: [40, { receipt: text(limits.reasonLength) }],

  request: [50, { id: counter, verb: text(32), args: raw }],
  reply: [51, { id: counter, value: raw }],
  fail: [
    52,
    { id: counter, code: word(['usage', 'unreachable', 'refused', 'failed']), message: text(limits.textLength) },
  ],
  item: [53, { id: counter, value: raw }],
  done: [54, { id: counter }],
  abandon: [55, { id: counter }],
  ready: [56, { id: counter, taken: counter }],
});

export type Message = VariantOf<(typeof messages)['kinds']>;
export type MessageKind = Message['kind'];
export type MessageOf<K extends MessageKind> = Extract<Message, { kind: K }>;
