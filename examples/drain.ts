/** Takes a node away without losing work, and gives it back. `node examples/drain.ts NODE` */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'lbtop';

const [name] = process.argv.slice(2);
if (name === undefined) throw new Error('which node?');

await using lbtop = await connect();
await lbtop.drain(name, { reason: 'a new kernel', deadlineMs: 60_000 });
for (;;) {
  const node = (await lbtop.nodes()).find((row) => row.name === name);
  if (node?.drained) break;
  console.log(`${node?.running ?? 0} tasks still run on ${name}`);
  await sleep(200);
}
console.log(`${name} can be taken away`);
await lbtop.resume(name);
