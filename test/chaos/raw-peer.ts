/** A peer with the right key that need not behave: it is welcome, and then says and reads what the trial wants. */
import tls from 'node:tls';
import { decode, encode } from '../../source/wire/codec.ts';
import { sharedKey } from '../../source/wire/credential.ts';
import { frameOf, frameReader } from '../../source/wire/frame.ts';
import { type Message, protocol, type Role } from '../../source/wire/messages.ts';

export interface RawPeer {
  readonly socket: tls.TLSSocket;
  /** Says these in one frame. */
  say(messages: Message[]): void;
  /** Resolves when the connection is closed, with why as far as it was told. */
  readonly ended: Promise<string>;
}

export interface RawPeerOptions {
  host: string;
  port: number;
  secret: Buffer;
  role: Role;
  who: string;
  /** Gets each message, `welcome` first. */
  hear(message: Message, peer: RawPeer): void;
}

/** Dials a coordinator and says hello. */
export function rawPeer({ host, port, secret, role, who, hear }: RawPeerOptions): RawPeer {
  const { key, identity } = sharedKey(secret, role) as { key: Buffer; identity: string };
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  let end = 'cut';
  const socket = tls.connect({
    ...{ host, port, minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256', checkServerIdentity: () => undefined },
    pskCallback: () => ({ psk: key, identity }),
  });
  const peer: RawPeer = { socket, say: (messages) => void socket.write(frameOf(encode(messages))), ended };
  const read = frameReader(8 * 1024 * 1024);
  socket.on('secureConnect', () => {
    const { name, min, max } = protocol;
    peer.say([{ kind: 'hello', protocol: name, min, max, role, who, version: '0' }]);
  });
  socket.on('data', (data) => {
    try {
      read.push(data, (payload) => {
        for (const message of decode(payload)) {
          if (message.kind === 'bye' || message.kind === 'refuse') end = message.reason;
          hear(message, peer);
        }
      });
    } catch {
      end = 'an answer that makes no sense';
    }
  });
  socket.on('error', () => {}); // 'close' follows
  // One that is never answered, and never cut, is told as that.
  socket.on('timeout', () => {
    end = 'left hanging';
    socket.destroy();
  });
  socket.on('close', () => resolve(end));
  return peer;
}
