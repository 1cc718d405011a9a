/**
 * Client and worker of beanstalkd in its protocol, with everything that a turn of the event loop says in one write.
 *   beanstalkd.ts client PORT         commands on stdin: `burst COUNT`, `single COUNT`, `fill COUNT`
 *   beanstalkd.ts worker PORT AHEAD   reserves so many jobs ahead, deletes each; jobs that ask for it are answered
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, each, timed } from './answer.ts';

const [mode = '', port = '', ahead = '1'] = process.argv.slice(2);

/** A connection on which answers come in order of what was asked. */
async function dial() {
  const socket = connect(Number(port), '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  let said = '';
  let rest = Buffer.alloc(0);
  const waiting: ((line: string, body: string) => void)[] = [];
  let first = 0;
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      const end = rest.indexOf('\r\n', at, 'latin1');
      if (end === -1) break;
      const line = rest.toString('latin1', at, end);
      let next = end + 2;
      let body = '';
      if (line.startsWith('RESERVED') || line.startsWith('OK')) {
        const bytes = Number(line.slice(line.lastIndexOf(' ') + 1));
        if (rest.length < next + bytes + 2) break;
        body = rest.toString('latin1', next, next + bytes);
        next += bytes + 2;
      }
      at = next;
      const heard = waiting[first++];
      if (first === 1_024) {
        waiting.splice(0, first);
        first = 0;
      }
      heard?.(line, body);
    }
    rest = rest.subarray(at);
  });
  socket.on('close', () => process.exit(0));
  return {
    /** Queues a command for the end of this turn. */
    say(command: string, heard: (line: string, body: string) => void = () => {}): void {
      if (said === '')
        setImmediate(() => {
          socket.write(said, 'latin1');
          said = '';
        });
      said += `${command}\r\n`;
      waiting.push(heard);
    },
  };
}

type Connection = Awaited<ReturnType<typeof dial>>;

const ask = (connection: Connection, command: string): Promise<string> =>
  new Promise((resolve) => connection.say(command, (line, body) => resolve(body || line)));

/** Waits for a job, takes what else is there up to `ahead`, then deletes them all and asks again, in one write. */
async function work(): Promise<void> {
  const connection = await dial();
  const turn = (): void => {
    let open = Number(ahead);
    const heard = (line: string, body: string): void => {
      if (body === 'answer') {
        connection.say('use answers');
        connection.say('put 0 0 60 1\r\nx');
      }
      if (line.startsWith('RESERVED')) connection.say(`delete ${line.split(' ')[1]}`);
      open -= 1;
      if (open === 0) turn();
    };
    connection.say('reserve', heard);
    // A reserve that waits holds up all that this connection says after it, deletes too: those ahead must not wait.
    for (let i = 1; i < open; i++) connection.say('reserve-with-timeout 0', heard);
  };
  turn();
}

/** Puts so many jobs, at most 1,000 of them unanswered. */
async function put(connection: Connection, count: number, body: (i: number) => string): Promise<void> {
  let [sent, heard] = [0, 0];
  const over = Promise.withResolvers<void>();
  const more = (): void => {
    for (; sent < count && sent - heard < 1_000; sent++) {
      const text = body(sent);
      connection.say(`put 0 0 600 ${text.length}\r\n${text}`, (line) => {
        if (!line.startsWith('INSERTED')) over.reject(new Error(line));
        heard += 1;
        if (heard === count) over.resolve();
        if (sent - heard < 500) more();
      });
    }
  };
  more();
  await over.promise;
}

if (mode === 'worker') await work();
else {
  const connection = await dial();
  const results = await dial();
  await ask(results, 'watch answers');
  await ask(results, 'ignore default');
  await answer({
    // It keeps no results: that a tube is empty is what can be known of its jobs.
    burst: timed(async (count) => {
      await put(connection, count, () => 'x');
      for (;;) {
        const told = await ask(connection, 'stats-tube default');
        const left = (name: string): number => Number(new RegExp(`${name}: (\\d+)`).exec(told)?.[1]);
        if (left('current-jobs-ready') + left('current-jobs-reserved') === 0) return;
        await sleep(2);
      }
    }),
    single: each(async () => {
      connection.say('put 0 0 600 6\r\nanswer');
      await new Promise<void>((resolve) =>
        results.say('reserve', (line) => {
          results.say(`delete ${line.split(' ')[1]}`);
          resolve();
        }),
      );
    }),
    fill: timed(async (count) => {
      await ask(connection, 'use kept');
      await put(connection, count, (i) => `{"input":${1_000_000 + i},"path":"/data/in"}`);
    }),
    left: async () => ({
      left: Number(/current-jobs-ready: (\d+)/.exec(await ask(connection, 'stats'))?.[1] ?? Number.NaN),
    }),
  });
  process.exit(0);
}
