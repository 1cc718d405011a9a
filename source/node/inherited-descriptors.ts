/** What was open where this process began: its tasks would inherit it, whoever may read it. */
import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** In the flags of a descriptor: it is closed where a program begins. */
const closeOnExec = 0o2000000;

/**
 * Closes every descriptor beyond the standard streams that programs started from here would inherit: those that came from
 * whoever started this process, for what is opened here is closed there anyway. (Node itself sees to the lowest only, as far
 * as they stand in a row.) Does nothing where a parent speaks over one of them, or where the system does not tell them.
 */
export function closeInherited(): void {
  if (process.send !== undefined) return;
  for (const descriptor of openDescriptors()) {
    try {
      const [, flags = ''] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? [];
      if (flags !== '' && (Number.parseInt(flags, 8) & closeOnExec) === 0) closeSync(descriptor);
    } catch {
      // That by which the directory was read.
    }
  }
}

function openDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fd')
      .map(Number)
      .filter((descriptor) => descriptor > 2);
  } catch {
    return [];
  }
}
