/** How V8 is set for what the program is to do: only a start can say so, so that it starts once more. */

/**
 * The young part of V8's heap would grow to 32 MiB and more under load, and never shrink. And where tasks have all cores, a
 * collection waits for threads that get none of them: up to 140 ms for its own, and as long for those that compile, which
 * have to reach a safepoint first. Without such threads it is this one that compiles, and Turbofan takes 20 ms for what
 * Maglev does in 2; a node has no code hot enough to notice the difference, and needs 20 MiB less. It collects when it has
 * sent much (node/output-pump.ts).
 */
export const nodeFlags = ['--max-semi-space-size=4', '--single-threaded', '--no-turbofan', '--expose-gc'];
/** It would grow by 100 MiB while a million tasks are submitted, for nothing: a task costs the same time with 16 MiB as with 32. */
export const coordinatorFlags = ['--max-semi-space-size=16'];
/** A replay makes a state anew at each leap: with the flags of a node that would cost it half as much time again. */
export const replayFlags = ['--max-semi-space-size=8'];

/** Becomes the same program with these flags of V8, where the system can do that and it does not have them. */
export function startSmall(flags: readonly string[]): void {
  if (process.execve === undefined || process.execArgv.includes(flags[0] as string)) return;
  try {
    process.execve(process.execPath, [process.execPath, ...flags, ...process.execArgv, ...process.argv.slice(1)]);
  } catch {
    // It is larger, then.
  }
}
