/** Submits, shows how far it is and what happens meanwhile, waits. `node examples/watch.ts` */
import { connect } from 'lbtop';

await using lbtop = await connect();
const { job, tasks } = await lbtop.submit({
  name: 'naps',
  task: 'sleep',
  input: 0.2,
  array: { count: 8, first: 1, step: 1 },
});
console.log(`job ${job} has ${tasks} tasks`);

const watching = (async () => {
  for await (const { at, subject, text } of lbtop.events({ last: 10 })) {
    console.log(new Date(at).toISOString(), subject, text);
    if (subject === `job ${job}` && !text.startsWith('submitted')) return; // it has ended
  }
})();
const [row] = await lbtop.wait(job, ([now]) => console.log(`${now?.succeeded ?? 0} of ${tasks}`));
await watching;
console.log(row?.state);
