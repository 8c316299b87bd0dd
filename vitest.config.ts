import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { watchedForks } from './scripts/watchdog/watched-forks.mjs';

const shared = {
  environment: 'node' as const,
  pool: watchedForks,
  alias: { 'fast-check': fileURLToPath(new URL('scripts/watchdog/fast-check.mjs', import.meta.url)) },
};

/** Most tests wait for processes and proxies rather than for a core. */
const maxWorkers = Math.max(3, availableParallelism());

export default defineConfig({
  test: {
    ...shared,
    maxWorkers,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'system',
          include: ['tests/**/*.test.ts'],
          globalSetup: ['tests/support/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
