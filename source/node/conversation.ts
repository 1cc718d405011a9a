/** What the agent and its coordinator say to each other, whichever connection it goes over. */
import os from 'node:os';
import { LbtopError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { NodeInfo } from '../model/node.ts';
import type { Message } from '../wire/messages.ts';
import { refuseRoot } from './as-root.ts';
import type { Clock } from './clock.ts';
import type { Executor } from './executor.ts';
import { noRules } from './house-rules.ts';
import { dialOverTcp, type Link, openLink } from './link.ts';
import type { AgentOptions } from './options.ts';
import type { OutputPump } from './output-pump.ts';
import type { Receipt } from './receipt.ts';

export interface ConversationOptions {
  options: AgentOptions;
  clock: Clock;
  incarnation: string;
  /** What it says of itself now. */
  info(): NodeInfo;
  tasks: Executor;
  pump: OutputPump;
  receipt: Receipt;
  /** Whose tickets may be taken from now on. */
  trust(ticketKey: Uint8Array | null, callerKey: Uint8Array | null): void;
  throttle(share: number): void;
  /** No coordinator will have it. */
  refused(error: LbtopError): void;
}

/** The agent's side of the protocol. Parts that speak are made before there is somebody to speak to: see `lateLink`. */
export function converse({
  options,
  clock,
  incarnation,
  info,
  tasks,
  pump,
  receipt,
  trust,
  throttle,
  refused,
}: ConversationOptions): Link {
  const { name, log } = options;
  let joined = false;

  function handle(message: Message): void {
    if (message.kind === 'joined') {
      joined = true;
      link.trust();
      trust(message.ticketKey, message.callerKey);
      throttle(message.throttle);
      log(`joined as ${message.name}`);
    } else if (message.kind === 'throttle') throttle(message.share);
    else if (message.kind === 'receipt') receipt.take(message.receipt);
    else if (message.kind === 'refuse') {
      // Later it is about what was said, not about us; and who only goes away may come back.
      if (joined || message.code === 'unreachable') return;
      link.close(message.reason);
      refused(new LbtopError(message.code, `the coordinator refused: ${message.reason}`));
    } else tasks.handle(message);
  }

  let joins = 0;
  const link = openLink({
    coordinators: options.coordinators,
    leader: options.leader,
    secret: options.secret,
    secretAgain: options.secretAgain,
    who: `${name}@${os.hostname()}`.slice(0, limits.reasonLength),
    version: options.version,
    dial:
      options.dial ??
      (async (to) => {
        refuseRoot(to.host, (options.rules ?? noRules).runAs);
        return dialOverTcp(to);
      }),
    clock,
    random: Math.random,
    log,
    opened() {
      joined = false;
      joins++;
      // Who ends its tasks because it hears nothing wants to hear each time.
      const beatEvery = options.onCoordinatorLost === 'finish' ? link.beatEvery : 1;
      const kept = { receipt: receipt.last, beatEvery };
      link.send({ kind: 'join', name, incarnation, info: info(), ...tasks.holding(), joins, ...kept });
      tasks.connected();
    },
    messages(batch) {
      for (const message of batch) handle(message);
    },
    drained: () => pump.drained(),
    lost() {
      const running = [...tasks.running()].length;
      if (running > 0 && options.onCoordinatorLost === 'finish') log(`${running} task(s) go on meanwhile`);
    },
    refused,
  });
  return link;
}

/** What those who speak need of the link, from before it is there. */
export interface LateLink {
  link: Link | null;
  send(message: Message): void;
  open(): boolean;
  backlogBytes(): number;
  /** For how long there has been no coordinator, in ms; 0 while there is one. */
  downMs(): number;
}

/** Nothing is said, and nobody is missed, until `link` is set. */
export function lateLink(clock: Clock): LateLink {
  const late: LateLink = {
    link: null,
    send: (message) => late.link?.send(message),
    open: () => late.link?.state === 'open',
    backlogBytes: () => late.link?.backlogBytes ?? 0,
    downMs() {
      const since = late.link?.downSince ?? null;
      return since === null ? 0 : clock.now() - since;
    },
  };
  return late;
}
