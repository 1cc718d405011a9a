/**
 * What heartbeats cost with nothing done about them: TLS 1.3 on a shared key, as lbtop has it.
 *   bare-tls.ts server                      takes frames and answers each; prints its port
 *   bare-tls.ts clients PORT COUNT BYTES    each sends one of so many bytes a second; says `ready`
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';

const [mode = '', port = '', count = '1', bytes = '60'] = process.argv.slice(2);
const ciphers = 'TLS_AES_128_GCM_SHA256';
const key = Buffer.alloc(32, 7);

if (mode === 'server') {
  const server = createServer(
    { ciphers, minVersion: 'TLSv1.3', ecdhCurve: 'X25519', pskCallback: () => key },
    (socket) => {
      socket.setNoDelay(true);
      const answer = Buffer.alloc(12);
      socket.on('error', () => {});
      socket.on('data', () => void socket.write(answer));
    },
  ).listen(0, '127.0.0.1', 4_096, () => console.log((server.address() as { port: number }).port));
} else {
  const pskCallback = () => ({ psk: key, identity: 'node' });
  const frame = Buffer.alloc(Number(bytes));
  const dial = async (): Promise<void> => {
    const socket = connect({
      ...{ host: '127.0.0.1', port: Number(port), ciphers, minVersion: 'TLSv1.3', ecdhCurve: 'X25519', pskCallback },
      checkServerIdentity: () => undefined,
    });
    await once(socket, 'secureConnect');
    socket.resume();
    setInterval(() => void socket.write(frame), 1_000);
  };
  const atOnce = 100;
  for (let i = 0; i < Number(count); i += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, Number(count) - i) }, dial));
  console.log('ready');
  process.stdin.resume().on('end', () => process.exit(0));
}
