/** `stuck-process.ts forever`: a watched process with a case that never ends; `waits`: one that only waits for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { campaign, type Target } from './campaign.ts';
import { watched } from './stuck.ts';

const forever = process.argv[2] === 'forever';
const target: Target<number> = {
  name: 'numbers',
  make: (seed) => seed,
  take(seed) {
    while (forever && seed === 5);
    return 'read';
  },
  hex: String,
};
await using watching = watched(target, 200);
await campaign(watching.target, 10);
await sleep(3_000); // of which the processor is not used
console.log('it ended');
