/** A command for each file, and what it printed as soon as it has ended. `node examples/as-they-come.ts FILE…` */
import { resolve } from 'node:path';
import { connect } from 'lbtop';

await using lbtop = await connect();
const files = process.argv.slice(2).map((file) => resolve(file));
let failed = 0;
for await (const row of lbtop.map({ command: ['sha256sum', '{}'], retries: 2 }, files, { order: 'end' })) {
  if (row.state === 'succeeded') process.stdout.write(row.stdout ?? '');
  else {
    failed += 1;
    console.error(`${files[row.index]}: ${row.error}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
