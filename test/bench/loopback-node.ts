/** A node that does no work: it answers each assignment at once. Measures the coordinator and the wire, nothing else. */
import type { NodeInfo, Outcome } from '../../source/model/node.ts';
import type { Connection } from '../../source/wire/connection.ts';
import { connect } from '../../source/wire/endpoint.ts';

export interface LoopbackNode {
  readonly connection: Connection;
  /** Tasks answered. */
  readonly done: number;
}

/** Connects to a coordinator on loopback and joins with so many slots. `worked` is called with every answer. */
export async function loopbackNode(
  port: number,
  name: string,
  slots: number,
  secret: Buffer | null,
  worked: () => void = () => {},
): Promise<LoopbackNode> {
  let done = 0;
  let seen = 0;
  const connection = await connect({
    host: '127.0.0.1',
    port,
    secret,
    role: 'node',
    who: name,
    version: 'bench',
    timeoutMs: 10_000,
    events: {
      messages(batch) {
        const outcomes: Outcome[] = [];
        for (const message of batch) {
          if (message.kind !== 'assign') continue;
          seen = message.seq;
          for (const { ordinal, attempt } of message.tasks) outcomes.push(success(message.job, ordinal, attempt));
        }
        done += outcomes.length;
        if (outcomes.length === 0) return;
        connection.send({ kind: 'ended', outcomes });
        worked();
      },
      closed() {
        clearInterval(timer);
      },
    },
  });
  connection.send({
    kind: 'join',
    name,
    incarnation: name,
    info: nodeInfo(slots),
    running: [],
    waiting: [],
    ended: [],
    joins: 0,
    receipt: null,
    beatEvery: 5, // as a node asks that knows one coordinator
  });
  let seq = 0;
  const timer = setInterval(() => {
    const sample = { cpu: 0, cpuOurs: 0, memoryUsed: 0, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
    connection.send({ kind: 'heartbeat', seq: seq++, seen, sample });
  }, 1_000);
  return {
    connection,
    get done() {
      return done;
    },
  };
}

/** What a node says of a machine that is not there. */
export function nodeInfo(slots: number): NodeInfo {
  return {
    cores: slots,
    cpuModel: 'none',
    memoryTotal: 1e9,
    slots,
    labels: {},
    resources: {},
    handlers: [],
    throttle: 1,
    cpuLimit: null,
    listen: null,
    host: 'localhost',
    platform: 'bench',
    version: 'bench',
    pid: 1,
  };
}

function success(job: number, ordinal: number, attempt: number): Outcome {
  return {
    job,
    ordinal,
    attempt,
    outcome: 'succeeded',
    exitCode: null,
    signal: null,
    error: null,
    result: 'null',
    runMs: 0,
    cpuMs: 0,
    peakBytes: 0,
    stdoutBytes: 0,
    stderrBytes: 0,
    started: true,
  };
}
