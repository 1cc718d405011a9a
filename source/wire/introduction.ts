/** The connecting side's first words: hello, and then `welcome` or a reason why not. */
import { LbtopError } from '../model/errors.ts';
import { type Connection, type ConnectionEvents, type ConnectionSocket, openConnection } from './connection.ts';
import { range, type VersionRange } from './greeting.ts';
import { type Message, type MessageOf, protocol, type Role } from './messages.ts';
import { strangeAnswer } from './reach.ts';

export interface IntroductionOptions {
  role: Role;
  /** Who speaks, for logs and the record of operators' actions; at most 256 characters. */
  who: string;
  /** The version of lbtop. */
  version: string;
  /** What the connection tells after `welcome`, first when the promise has resolved and its `then` has run. */
  events: ConnectionEvents;
  /** Is told the welcome, before the promise resolves. */
  welcomed?: (welcome: MessageOf<'welcome'>) => void;
  /** Instead of the protocol's range, for tests. */
  versions?: VersionRange;
}

/**
 * Says hello over a socket that is ready; resolves after `welcome`, when large frames are allowed. Rejects with
 * LbtopError: with the code of the refusal, or `unreachable` where something else answers at `address`.
 */
export function introduce(
  socket: ConnectionSocket,
  address: string,
  options: IntroductionOptions,
): Promise<Connection> {
  const { events, versions = protocol } = options;
  return new Promise((resolve, reject) => {
    let stage: 'greeting' | 'settling' | 'open' | 'failed' = 'greeting';
    /** What came in one chunk with `welcome`, until the caller has had its turn. */
    const early: Message[] = [];

    function fail(error: LbtopError): void {
      if (stage !== 'greeting') return;
      stage = 'failed';
      connection.destroy(error.message);
      reject(error);
    }

    function settle(): void {
      if (stage !== 'settling') return;
      stage = 'open';
      if (early.length > 0) events.messages(early);
    }

    function judge([answer, ...rest]: Message[]): void {
      if (answer?.kind === 'refuse') return fail(new LbtopError(answer.code, `${address} refused: ${answer.reason}`));
      if (answer?.kind !== 'welcome') return fail(strangeAnswer(address, 'bad data'));
      const { protocol: spoken } = answer;
      if (spoken < versions.min || spoken > versions.max)
        return fail(
          new LbtopError(
            'unreachable',
            `${address} speaks protocol ${spoken}, and this side ${range(versions)}: update lbtop here`,
          ),
        );
      options.welcomed?.(answer);
      stage = 'settling';
      connection.allowLargeFrames();
      early.push(...rest);
      setImmediate(settle);
      resolve(connection);
    }

    const connection = openConnection(socket, {
      messages(batch) {
        if (stage === 'open') events.messages(batch);
        else if (stage === 'settling') early.push(...batch);
        else if (stage === 'greeting') judge(batch);
      },
      heard: () => events.heard?.(),
      drained: () => events.drained?.(),
      closed(reason) {
        settle();
        if (stage === 'open') events.closed(reason);
        else fail(strangeAnswer(address, reason));
      },
    });
    const { min, max } = versions;
    const { role, who, version } = options;
    connection.send({ kind: 'hello', protocol: protocol.name, min, max, role, who, version });
  });
}
