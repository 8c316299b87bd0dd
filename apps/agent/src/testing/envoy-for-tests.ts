// The real Envoy that tests run: from ENVOY_PATH, the PATH or the cache; it is never installed by a test.
import { existsSync } from 'node:fs';
import { cacheDirectoryOf, locateEnvoy } from '@xebec/supervise';

const { ENVOY_PATH } = process.env;

/** Its path, or undefined where there is none: tests of the whole agent are left out then. */
export async function findEnvoy(): Promise<string | undefined> {
  if (ENVOY_PATH !== undefined && existsSync(ENVOY_PATH)) return ENVOY_PATH;
  return undefined;
}
