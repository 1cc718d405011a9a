/** `npm run chaos -- NAME…`: runs the named trials at their full size, or lists them. */
const trials: Record<string, () => Promise<void>> = {
  'process-care': async () => (await import('./process-care.ts')).showProcessCare(),
};

const names = process.argv.slice(2);
if (names.length === 0 || names.some((name) => !(name in trials))) {
  console.error(`which trial? npm run chaos -- NAME, with NAME one of: ${Object.keys(trials).join(', ')}`);
  process.exitCode = 2;
} else for (const name of names) await trials[name]?.();
