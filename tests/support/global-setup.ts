// Once before all system tests: the command is built, and there is an Envoy for them.
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export default function prepare(): void {
  const quietly: ExecFileSyncOptionsWithStringEncoding = {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    // The first run downloads an Envoy.
    timeout: 900_000,
    killSignal: 'SIGKILL',
  };
  execFileSync(process.execPath, [at('scripts/build.mjs')], quietly);
  const { ENVOY_PATH: chosen } = process.env;
  if (chosen !== undefined && existsSync(chosen)) return;
  process.env['ENVOY_PATH'] = execFileSync(process.execPath, [at('dist/ensure-envoy.js')], quietly).trim();
}
