/**
 * Processes that run handlers, one call at a time each, kept for the next call. Processes, not threads: a thread that
 * allocates in a loop could neither be ended (`terminate` is not heeded in optimised code: measured) nor kept from
 * taking the agent along (V8 ends the whole process where one heap is full). Killing a process always works, and holding it.
 */
import { LbtopError } from '../../model/errors.ts';
import { isBuiltIn } from '../../model/job.ts';
import { limits } from '../../model/limits.ts';
import type { Clock } from '../clock.ts';
import { type HandlerChild, type HandlerChildOptions, handlerChild } from './handler-child.ts';
import type { HandlerReply, HandlerRequest } from './handler-process.ts';
import { inOwnTurn } from './own-turn.ts';
import type { StreamNumber } from './runner.ts';

/** How a call ended. */
export interface HandlerEnd {
  /** JSON text; null where there is an error. */
  result: string | null;
  error: string | null;
  cpuMs: number;
  peakBytes: number;
}

/** What a call tells; never before `call` has returned. */
export interface HandlerEvents {
  began(): void;
  /** False: no more until `resume`. */
  output(stream: StreamNumber, chunk: Uint8Array): boolean;
  progress(share: number, note: string): void;
  /** Once, last. */
  ended(end: HandlerEnd): void;
}

export interface HandlerCall {
  /** Aborts the handler's signal. */
  abort(why: string): void;
  /** Ends its process: `ended` follows at once, with this error. */
  kill(error: string): void;
  resume(stream: StreamNumber): void;
  hold(held: boolean): void;
}

export interface HandlerPool {
  call(request: HandlerRequest, events: HandlerEvents): HandlerCall;
  close(): void;
}

export interface HandlerPoolOptions extends HandlerChildOptions {
  clock: Clock;
}

/** A process of the pool. */
interface Member {
  child: HandlerChild;
  call: Call | null;
  cancelIdle: (() => void) | null;
}

interface Call {
  readonly request: HandlerRequest;
  readonly events: HandlerEvents;
  member: Member | null;
  over: boolean;
  /** What the process had used before. */
  beforeMs: number;
  peakBytes: number;
  readonly taken: Record<StreamNumber, number>;
  /** Said, while output is still on its way. */
  end: Extract<HandlerReply, { kind: 'ended' }> | null;
}

const mebibyte = 1024 * 1024;
const loadMs = 10_000;
const idleMs = 30_000;
const watchMs = 100;
/** What a process holds beside what its calls hold. */
const ownBytes = 64 * mebibyte;

/**
 * Returns the names of the handlers that a file exports. Throws LbtopError (usage) where it cannot be loaded or has none
 * that can be used.
 */
export async function handlerNames(options: Omit<HandlerChildOptions, 'house'>, clock: Clock): Promise<string[]> {
  const { file } = options;
  const bad = (why: string): LbtopError => new LbtopError('usage', `cannot use the handlers in ${file}: ${why}`);
  let words = '';
  const names = await new Promise<string[]>((resolve, reject) => {
    const child = handlerChild(
      { ...options, house: null },
      {
        said(reply) {
          if (reply.kind === 'loaded') resolve(reply.names);
          if (reply.kind === 'unloaded') reject(bad(reply.why));
          child.kill();
        },
        output(_stream, chunk) {
          if (words.length < limits.reasonLength) words += Buffer.from(chunk).toString();
          return true;
        },
        gone(exitCode, signal) {
          cancel();
          reject(bad(words.trim().split('\n', 1)[0] || `loading it ended its process (${signal ?? exitCode})`));
        },
      },
    );
    const cancel = clock.after(loadMs, () => {
      reject(bad(`not loaded within ${loadMs / 1_000} s`));
      child.kill();
    });
  });
  if (names.length === 0) throw bad('it exports no functions by name (export async function NAME(input) { … })');
  const taken = names.find(isBuiltIn);
  if (taken !== undefined) throw bad(`${taken} is the name of a built-in task: give it another`);
  const long = names.find((name) => name.length > limits.nameLength);
  if (long !== undefined) throw bad(`the name ${long} is longer than ${limits.nameLength} characters`);
  return names;
}

/** Starts no process before the first call. */
export function handlerPool(options: HandlerPoolOptions): HandlerPool {
  const { clock, memoryBytes } = options;
  const idle: Member[] = [];
  const busy = new Set<Call>();
  const all = new Set<Member>();
  let cancelWatch: (() => void) | null = null;

  function create(): Member {
    const member: Member = {
      cancelIdle: null,
      call: null,
      child: handlerChild(options, {
        said: (reply) => said(member, reply),
        output(stream, chunk) {
          const { call } = member;
          if (call === null || call.over) return true;
          call.taken[stream] += chunk.length;
          const more = call.events.output(stream, chunk);
          finishIfRead(member, call);
          return more;
        },
        gone(exitCode, signal) {
          all.delete(member);
          retire(member);
          const { call } = member;
          if (call !== null) broke(call, reasonOf(exitCode, signal, memoryBytes));
        },
      }),
    };
    all.add(member);
    return member;
  }

  function said(member: Member, reply: HandlerReply): void {
    const { call } = member;
    if (call === null || call.over) return;
    switch (reply.kind) {
      case 'unloaded':
        broke(call, `the handlers cannot be loaded any more: ${reply.why}`);
        return member.child.kill();
      case 'began':
        return call.events.began();
      case 'progress':
        return call.events.progress(reply.share, reply.note);
      case 'ended':
        call.end = reply;
        return finishIfRead(member, call);
    }
  }

  /** What it wrote comes another way than its words: both must be here. */
  function finishIfRead(member: Member, call: Call): void {
    const { end, taken } = call;
    if (end === null || taken[1] < end.written[1] || taken[2] < end.written[2]) return;
    member.call = null;
    if (end.reusable) {
      idle.push(member);
      member.cancelIdle = clock.after(idleMs, () => {
        retire(member);
        member.child.kill();
      });
    } else member.child.kill();
    finish(call, end);
  }

  function retire(member: Member): void {
    member.cancelIdle?.();
    const place = idle.indexOf(member);
    if (place >= 0) idle.splice(place, 1);
  }

  function finish(call: Call, { result, error, cpuMs }: Omit<HandlerEnd, 'peakBytes'>): void {
    if (call.over) return;
    call.over = true;
    busy.delete(call);
    call.events.ended({ result, error, cpuMs, peakBytes: call.peakBytes });
  }

  function broke(call: Call, error: string): void {
    const usedMs = call.member === null ? 0 : call.member.child.measure().cpuMs - call.beforeMs;
    finish(call, { result: null, error, cpuMs: Math.max(0, usedMs) });
  }

  function watch(): void {
    cancelWatch = busy.size === 0 ? null : clock.after(watchMs, watch);
    for (const call of busy) {
      const { residentBytes = 0 } = call.member?.child.measure() ?? {};
      call.peakBytes = Math.max(call.peakBytes, residentBytes);
      if (residentBytes > memoryBytes + ownBytes) kill(call, tooLarge(memoryBytes));
    }
  }

  function kill(call: Call, error: string): void {
    if (call.over) return;
    broke(call, error);
    call.member?.child.kill();
  }

  /** Where there is no process yet, one is started when it is its turn. */
  function give(call: Call): void {
    if (call.over) return;
    const member = idle.pop();
    if (member !== undefined) giveTo(member, call);
    else
      inOwnTurn(() => {
        if (!call.over) giveTo(idle.pop() ?? create(), call);
      });
  }

  function giveTo(member: Member, call: Call): void {
    member.cancelIdle?.();
    member.call = call;
    call.member = member;
    call.beforeMs = member.child.measure().cpuMs;
    busy.add(call);
    cancelWatch ??= clock.after(watchMs, watch);
    member.child.say({ kind: 'call', request: call.request });
  }

  return {
    call(request, events) {
      const taken = { 1: 0, 2: 0 };
      const call: Call = { request, events, member: null, over: false, beforeMs: 0, peakBytes: 0, taken, end: null };
      process.nextTick(give, call);
      return {
        abort: (why) => call.member?.child.say({ kind: 'abort', why }),
        kill: (error) => kill(call, error),
        resume: (stream) => call.member?.child.resume(stream),
        hold(held) {
          if (!call.over) call.member?.child.hold(held);
        },
      };
    },
    close() {
      cancelWatch?.();
      for (const member of all) {
        member.cancelIdle?.();
        member.child.kill();
      }
    },
  };
}

function tooLarge(memoryBytes: number): string {
  return `used more memory than a handler may here (${Math.round(memoryBytes / mebibyte)} MiB)`;
}

/** Why a process ended in the middle of a call, in the words of the handler's author. */
function reasonOf(exitCode: number | null, signal: NodeJS.Signals | null, memoryBytes: number): string {
  // How V8 ends a process whose heap is full.
  if (signal === 'SIGABRT' || exitCode === 134) return tooLarge(memoryBytes);
  if (signal !== null) return `its process was ended by ${signal}`;
  return exitCode === null ? 'its process could not be started' : `ended its process: exit code ${exitCode}`;
}
