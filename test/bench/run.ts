/** `npm run bench -- NAME…`: runs the named benchmarks, or lists them. */
const benches: Record<string, () => Promise<void>> = {
  decide: async () => (await import('./decide.ts')).benchDecide(),
  journal: async () => (await import('./journal.ts')).benchJournal(),
  trace: async () => (await import('./trace.ts')).benchTrace(),
  seek: async () => (await import('./seek.ts')).benchSeek(),
  attached: async () => (await import('./attached.ts')).benchAttached(),
  policies: async () => (await import('./policies.ts')).benchPolicies(),
  processes: async () => (await import('./processes.ts')).benchProcesses(),
  agent: async () => (await import('./agent.ts')).benchAgent(),
  frame: async () => (await import('./frame.ts')).benchFrame(),
  startup: async () => (await import('./startup.ts')).benchStartup(),
  engine: async () => (await import('./engine.ts')).benchEngine(),
  dispatch: async () => (await import('./dispatch.ts')).benchDispatch(),
};

const names = process.argv.slice(2);
if (names.length === 0 || names.some((name) => !(name in benches))) {
  console.error(`which benchmark? npm run bench -- NAME, with NAME one of: ${Object.keys(benches).join(', ')}`);
  process.exitCode = 2;
} else for (const name of names) await benches[name]?.();
