// Finds an Envoy that can carry the mesh, or gets one: ENVOY_PATH, the PATH, the cache, then the pinned package.
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import { refuse } from '../error-code.ts';
import { type RunCommand, runCommand } from '../run-command.ts';
import { cachedEnvoyPath, installEnvoy, isPinnedBinary } from './install.ts';
import { type EnvoyPin, envoyPins } from './pin.ts';
import { type EnvoyProgress, type EnvoySearch, report } from './search.ts';
import { askEnvoyVersion, type EnvoyVersion, judgeEnvoyVersion } from './version.ts';

export interface LocatedEnvoy {
  readonly path: string;
  readonly version: string;
  readonly source: 'ENVOY_PATH' | 'PATH' | 'cache' | 'installed';
}

export interface LocateEnvoyOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: `cacheDirectoryOf(env)`. */
  readonly cacheDirectory?: string;
  readonly onProgress?: (progress: EnvoyProgress) => void;
  readonly run?: RunCommand;
  /** `linux-x64` and its like; default: this machine. */
  readonly platform?: string;
  /** What may be installed, by platform; default: the pinned Envoy. */
  readonly pins?: ReadonlyMap<string, EnvoyPin>;
}

type Found = Result<LocatedEnvoy> | undefined;

/** `$XEBEC_CACHE`, `$XDG_CACHE_HOME/xebec` or `~/.cache/xebec`. */
export function cacheDirectoryOf(env: Readonly<Record<string, string | undefined>>): string {
  const { XEBEC_CACHE: own, XDG_CACHE_HOME: shared } = env;
  if (own !== undefined && own !== '') return resolve(own);
  if (shared !== undefined && isAbsolute(shared)) return join(shared, 'xebec');
  return join(env['HOME'] || homedir(), '.cache', 'xebec');
}

const warning = (code: string, message: string, remedy: string): Diagnostic => ({
  severity: 'warning',
  code,
  message,
  remedy,
});

const warningsFor = (path: string, version: EnvoyVersion): readonly Diagnostic[] =>
  judgeEnvoyVersion(version) === 'good'
    ? []
    : [
        warning(
          'envoy-untested',
          `${path} is Envoy ${version.text}; tests run with 1.40`,
          'use 1.40 if something is odd',
        ),
      ];

async function fromEnvironment(search: EnvoySearch): Promise<Found> {
  const given = search.env['ENVOY_PATH'];
  if (given === undefined || given === '') return undefined;
  const path = resolve(given);
  const answer = await askEnvoyVersion(path, search.run, search.env);
  if (!answer.ok) {
    const remedy = 'set ENVOY_PATH to an Envoy 1.40 binary, or unset it to have one found or installed';
    return refuse('envoy-path-unusable', `ENVOY_PATH is ${path}: ${answer.reason}`, remedy);
  }
  const { version } = answer;
  if (judgeEnvoyVersion(version) === 'refused') {
    const remedy = 'set ENVOY_PATH to 1.38 or newer, or unset it to have one found or installed';
    return refuse('envoy-too-old', `ENVOY_PATH is ${path}, which is Envoy ${version.text}`, remedy);
  }
  return succeed({ path, version: version.text, source: 'ENVOY_PATH' }, warningsFor(path, version));
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function executablesNamedEnvoy(env: EnvoySearch['env']): readonly string[] {
  const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => isAbsolute(directory));
  return [...new Set(directories)].map((directory) => join(directory, 'envoy')).filter(isExecutableFile);
}

async function fromPath(search: EnvoySearch, ignored: Diagnostic[]): Promise<Found> {
  for (const path of executablesNamedEnvoy(search.env)) {
    const answer = await askEnvoyVersion(path, search.run, search.env);
    if (answer.ok && judgeEnvoyVersion(answer.version) !== 'refused') {
      const located = { path, version: answer.version.text, source: 'PATH' } as const;
      return succeed(located, [...ignored, ...warningsFor(path, answer.version)]);
    }
    const why = answer.ok ? `it is ${answer.version.text}` : answer.reason;
    ignored.push(warning('envoy-ignored', `${path} is left aside: ${why}`, 'use 1.38 or newer'));
  }
  return undefined;
}

async function fromCache(search: EnvoySearch): Promise<Found> {
  const { pin } = search;
  const path = cachedEnvoyPath(search);
  if (pin === undefined || !(await isPinnedBinary(path, pin))) return undefined;
  const answer = await askEnvoyVersion(path, search.run, search.env);
  return answer.ok ? succeed({ path, version: answer.version.text, source: 'cache' }) : undefined;
}

async function findOrInstall(search: EnvoySearch): Promise<Result<LocatedEnvoy>> {
  const chosen = await fromEnvironment(search);
  if (chosen !== undefined) return chosen;
  const ignored: Diagnostic[] = [];
  const onPath = await fromPath(search, ignored);
  if (onPath !== undefined) return onPath;
  const cached = await fromCache(search);
  if (cached?.ok === true) return succeed(cached.value, ignored);
  const installed = await installEnvoy(search);
  if (!installed.ok) return { ok: false, diagnostics: [...ignored, ...installed.diagnostics] };
  return succeed({ path: cachedEnvoyPath(search), version: installed.value, source: 'installed' }, ignored);
}

/** An Envoy that runs here, with its version and where it came from; warnings name binaries that were left aside. */
export async function locateEnvoy(options: LocateEnvoyOptions): Promise<Result<LocatedEnvoy>> {
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  const search: EnvoySearch = {
    env: options.env,
    cacheDirectory: options.cacheDirectory ?? cacheDirectoryOf(options.env),
    platform,
    pin: (options.pins ?? envoyPins).get(platform),
    run: options.run ?? runCommand,
    onProgress: options.onProgress ?? (() => undefined),
  };
  report(search, 'search', 'ENVOY_PATH, the PATH, the cache');
  const found = await findOrInstall(search);
  if (found.ok) report(search, 'found', `${found.value.path} (${found.value.version})`);
  return found;
}
