/**
 * A node in a process of its own, to be killed: its coordinator is in memory. Arguments: a directory for its state and a
 * shell command, which it runs as a task, and `no-groups` for a system without control groups; prints a line for each outcome that it tells.
 */
import { agentOn, fakeCoordinator, give, shell } from './fake-coordinator.ts';

const [stateDir, text, groups] = process.argv.slice(2);
const fake = fakeCoordinator();
fake.auto.settled = false;
const agent = await agentOn(fake, { stateDir: stateDir ?? null, slots: 4, controlGroups: groups !== 'no-groups' });
console.log('joined');
if (text) give(fake, shell(text));
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
