/**
 * A node in a process of its own, to be killed: its coordinator is in memory. Arguments: a directory for its state and a
 * shell command, which it runs as a task, and `no-groups` for a system without control groups, or `unheard` for a
 * coordinator that goes away when the task has begun; prints a line for each outcome that it tells, or has to keep.
 */
import { LbtopError } from '../../source/model/errors.ts';
import { agentOn, fakeCoordinator, give, shell, until } from './fake-coordinator.ts';

const [stateDir, text, how] = process.argv.slice(2);
const fake = fakeCoordinator();
fake.auto.settled = false;
const agent = await agentOn(fake, { stateDir: stateDir ?? null, slots: 4, controlGroups: how !== 'no-groups' });
console.log('joined');
if (text) give(fake, shell(text));
if (how === 'unheard') {
  await until(() => agent.snapshot().running.length > 0);
  fake.failWith = new LbtopError('unreachable', 'gone');
  fake.cut();
  await until(() => agent.snapshot().unsettled > 0);
  // Kept at the end of the turn.
  setImmediate(() => setImmediate(() => console.log('kept')));
}
setInterval(() => {
  for (const message of fake.heard.splice(0)) {
    if (message.kind === 'ended')
      for (const one of message.outcomes) console.log(`${one.job} ${one.outcome} ${one.exitCode}`);
    if (message.kind === 'output') console.log(`output ${Buffer.from(message.data).toString().trim()}`);
  }
}, 5);
process.on('SIGTERM', () => void agent.stop());
await agent.ended;
console.log(agent.logged.join('\n'));
process.exit(0);
