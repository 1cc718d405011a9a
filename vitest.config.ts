import { defineConfig } from 'vitest/config';

export default defineConfig({
  // React runs as in the product, in its production form, which has no development JSX.
  oxc: { jsx: { runtime: 'automatic', development: false } },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    // Real processes and sockets on few cores: slow is not wrong. Tests wait for conditions, never for time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    env: { NODE_ENV: 'production', COLUMNS: '100', LINES: '40' },
  },
});
