/** Loaded into a process by `--import`: appends what it loads, a line each, to a file beside `LOADED_MODULES`. */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const file = `${process.env.LOADED_MODULES}-${process.pid}`;
registerHooks({
  load(url, context, next) {
    appendFileSync(file, `${url}\n`);
    return next(url, context);
  },
});
