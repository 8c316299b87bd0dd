// The version of an Envoy binary, and whether this mesh can work with it.
import { messageOf } from '../error-code.ts';
import type { RunCommand } from '../run-command.ts';

export interface EnvoyVersion {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
}

/** `good` is what we test with or newer; `old` works but is not tested; anything else is `refused`. */
export type Acceptance = 'good' | 'old' | 'refused';

/** Reads `envoy  version: HASH/1.40.0/Clean/RELEASE/BoringSSL`. */
export function parseEnvoyVersion(output: string): EnvoyVersion | undefined {
  const found = /\bversion: [0-9a-f]+\/((\d+)\.(\d+)\.\d+[^/\s]*)\//.exec(output);
  if (found === null) return undefined;
  return { text: found[1] ?? '', major: Number(found[2]), minor: Number(found[3]) };
}

export function judgeEnvoyVersion({ major, minor }: EnvoyVersion): Acceptance {
  if (major !== 1) return major > 1 ? 'old' : 'refused';
  if (minor >= 40) return 'good';
  return minor >= 38 ? 'old' : 'refused';
}

export type VersionAnswer =
  | { readonly ok: true; readonly version: EnvoyVersion }
  | { readonly ok: false; readonly reason: string };

/** Asks the binary itself. */
export async function askEnvoyVersion(
  path: string,
  run: RunCommand,
  env: Readonly<Record<string, string | undefined>>,
): Promise<VersionAnswer> {
  try {
    const outcome = await run(path, ['--version'], { env, timeoutMs: 20_000 });
    if (outcome.kind === 'not-found') return { ok: false, reason: 'there is no such file' };
    if (outcome.kind === 'not-started') return { ok: false, reason: outcome.reason };
    const version = parseEnvoyVersion(outcome.stdout);
    if (version !== undefined && outcome.code === 0) return { ok: true, version };
    const said = (outcome.stderr || outcome.stdout).trim().split('\n')[0] ?? '';
    return {
      ok: false,
      reason: `"--version" does not answer like Envoy${said === '' ? '' : `: ${said.slice(0, 200)}`}`,
    };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}
