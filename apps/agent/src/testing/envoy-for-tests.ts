// The real Envoy that tests run: the one at ENVOY_PATH, on the PATH or in the cache; a test never installs one.
import { locateEnvoy } from '@xebec/supervise';

const located = await locateEnvoy({ env: process.env, pins: new Map() });

/** Undefined where there is none: tests that need it are left out then. */
export const envoyPath: string | undefined = located.ok ? located.value.path : undefined;
