/**
 * `npm run bench`: the comparison with others, all rows or those that are named (suite.ts has its flags);
 * `npm run bench -- NAME…`: other benchmarks by name.
 */
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
  lateness: async () => (await import('./lateness.ts')).benchLateness(),
  startup: async () => (await import('./startup.ts')).benchStartup(),
  engine: async () => (await import('./engine.ts')).benchEngine(),
  dispatch: async () => (await import('./dispatch.ts')).benchDispatch(),
};

const args = process.argv.slice(2);
const names = args.filter((arg) => arg in benches);
if (names.length > 0) for (const name of names) await benches[name]?.();
else {
  const { benchSuite, rowNames } = await import('./race/suite.ts');
  const unknown = args.filter((arg) => /^[a-z]/.test(arg) && !rowNames.includes(arg));
  if (unknown.length === 0) process.exitCode = await benchSuite(args);
  else {
    const all = [...rowNames, ...Object.keys(benches)].join(', ');
    console.error(`no benchmark ${unknown[0]}: npm run bench for the whole comparison, or -- NAME, one of: ${all}`);
    process.exitCode = 2;
  }
}
