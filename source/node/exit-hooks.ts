/** What has to be done when the process ends without warning, by whatever way it can still notice. */
const hooks = new Set<() => void>();

function runAll(): void {
  for (const hook of hooks) {
    try {
      hook();
    } catch {
      // The others still have to.
    }
  }
}

/** Calls `hook`, which must not wait for anything, when the process exits; returns what takes it back. */
export function onExit(hook: () => void): () => void {
  if (hooks.size === 0) process.once('exit', runAll);
  hooks.add(hook);
  return () => {
    hooks.delete(hook);
    if (hooks.size === 0) process.off('exit', runAll);
  };
}
