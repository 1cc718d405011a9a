/**
 * What four hops between Node processes take with nothing in them: client, relay, worker, relay, client, one byte over TCP.
 *   hops.ts relay | worker PORT | client PORT      the relay prints its port
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { answer, each } from './answer.ts';

const [mode = '', port = ''] = process.argv.slice(2);

async function dial(greeting: string): Promise<Socket> {
  const socket = connect(Number(port), '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  socket.write(greeting);
  socket.on('close', () => process.exit(0));
  return socket;
}

if (mode === 'relay') {
  const ends: Partial<Record<string, Socket>> = {};
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.once('data', (greeting) => {
      const [here, there] = greeting.toString() === 'w' ? ['worker', 'client'] : ['client', 'worker'];
      ends[here] = socket;
      socket.on('data', (bytes) => void ends[there]?.write(bytes));
      ends[there]?.write('both are here');
      if (ends[there] !== undefined) socket.write('both are here');
    });
  }).listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
} else if (mode === 'worker') {
  const socket = await dial('w');
  await once(socket, 'data');
  socket.on('data', (bytes) => void socket.write(bytes));
} else {
  const socket = await dial('c');
  await once(socket, 'data');
  let heard = (): void => {};
  socket.on('data', () => heard());
  await answer({
    single: each(
      () =>
        new Promise<void>((resolve) => {
          heard = resolve;
          socket.write('x');
        }),
    ),
  });
  process.exit(0);
}
