/** `npm run chaos -- NAME… [OPTION…]`: runs the named trials at their full size, or lists them. */
export const trials: Record<string, (options: readonly string[]) => Promise<void>> = {
  fuzz: async (options) => (await import('./fuzz.ts')).showFuzz(options),
  'live-fuzz': async (options) => (await import('./live-fuzz.ts')).showLiveFuzz(options),
  'kill-coordinator': async () => (await import('./kill-coordinator.ts')).showKills(),
  cut: async () => (await import('./journal-bytes.ts')).showCuts(),
  flip: async () => (await import('./journal-bytes.ts')).showFlips(),
  'trace-cut': async () => (await import('./trace-cut.ts')).showTraceCuts(),
  'disk-full': async () => (await import('./disk-full.ts')).showDiskFull(),
  recovery: async () => (await import('./recovery.ts')).showRecovery(),
  stall: async () => (await import('./stall.ts')).showStalls(),
  storm: async () => (await import('./storm.ts')).showStorm(),
  'slow-sockets': async () => (await import('./slow-sockets.ts')).showSlowSockets(),
  'slow-reader': async () => (await import('./slow-reader.ts')).showSlowReaders(),
  'wrong-secrets': async () => (await import('./wrong-secrets.ts')).showWrongSecrets(),
  'short-of-memory': async () => (await import('./short-of-memory.ts')).showShortOfMemory(),
  'short-of-processes': async () => (await import('./short-of-processes.ts')).showShortOfProcesses(),
  memory: async () => (await import('./memory.ts')).showMemory(),
  'node-restart': async () => (await import('./node-restart.ts')).showNodeRestarts(),
  'second-coordinator': async () => (await import('./second-coordinator.ts')).showSeconds(),
  'leader-killed': async () => (await import('./engine.ts')).showEngineTrial('leader-killed'),
  'leader-paused': async () => (await import('./engine.ts')).showEngineTrial('leader-paused'),
  'member-killed': async () => (await import('./engine.ts')).showEngineTrial('member-killed'),
  'member-paused': async () => (await import('./engine.ts')).showEngineTrial('member-paused'),
  output: async () => (await import('./output.ts')).showFlood(),
  'random-bytes': async () => (await import('./random-bytes.ts')).showRandomBytes(),
  handlers: async () => (await import('./handlers.ts')).showHandlers(),
  'process-care': async () => (await import('./process-care.ts')).showProcessCare(),
};

if (import.meta.main) {
  const args = process.argv.slice(2);
  const from = args.findIndex((arg) => arg.startsWith('--'));
  const [names, options] = from === -1 ? [args, []] : [args.slice(0, from), args.slice(from)];
  if (names.length === 0 || names.some((name) => !(name in trials))) {
    console.error(`which trial? npm run chaos -- NAME, with NAME one of: ${Object.keys(trials).join(', ')}`);
    process.exitCode = 2;
  } else for (const name of names) await trials[name]?.(options);
}
