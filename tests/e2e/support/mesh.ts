// A whole mesh of real processes for one test file: own state directory, own ports, ended by its own pids.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
export const command = join(root, 'dist/xebec.js');
export const repositoryFile = (path: string): string => join(root, path);

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs the command to its end. */
export function xebec(parameters: readonly string[], options: RunOptions = {}): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [command, ...parameters],
      {
        timeout: options.timeoutMs ?? 120_000,
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, NO_COLOR: '1', ...options.environment },
      },
      (error, stdout, stderr) => resolve({ code: exitCode(error), stdout, stderr }),
    );
    child.stdin?.end(options.input ?? '');
  });
}

const exitCode = (error: Error | null): number =>
  error === null ? 0 : 'code' in error && typeof error.code === 'number' ? error.code : -1;

export interface MeshOptions {
  readonly paths?: readonly string[];
  readonly capture?: 'explicit' | 'transparent';
  readonly discovery?: 'on-demand' | 'eager';
  readonly certificateTtl?: string;
  readonly trustDomain?: string;
  readonly state?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Further options of `xebec up`. */
  readonly flags?: readonly string[];
  /** `false`: every gateway is where its own ports say, instead of the ingress on any free port. */
  readonly ingressPort?: false;
}

export interface Mesh extends AsyncDisposable {
  readonly state: string;
  /** `http://127.0.0.1:PORT` of the ingress gateway. */
  readonly ingress: string;
  readonly capture: string;
  xebec(parameters: readonly string[], options?: RunOptions): Promise<Run>;
  /** Applies YAML and waits until every proxy has it. */
  apply(yaml: string): Promise<Run>;
  admin(path: string): Promise<unknown>;
  pods(): Promise<readonly Pod[]>;
  pod(prefix: string): Promise<Pod>;
  stop(): Promise<void>;
}

export interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly ip: string;
  readonly isReady: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const states = new Set<string>();
/** What opens the metrics of the meshes that run; the newest first. */
export const metricsTokens = (): readonly string[] =>
  [...states]
    .filter((state) => existsSync(join(state, 'run/metrics.token')))
    .map((state) => readFileSync(join(state, 'run/metrics.token'), 'utf8').trim())
    .reverse();

/** Starts a mesh in the background and waits until it serves. */
export async function startMesh(options: MeshOptions = {}): Promise<Mesh> {
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'xb-'));
  // Proxies of transparent capture run as a user of their own and must be able to pass through.
  if (options.capture === 'transparent') chmodSync(state, 0o711);
  const parameters = [
    ...['up', ...(options.paths ?? [])],
    ...['--detach', '--state', state],
    ...(options.ingressPort === false ? [] : ['--ingress-port', '0']),
    ...['--capture', options.capture ?? 'explicit', '--output', 'json'],
    ...(options.discovery === undefined ? [] : ['--discovery', options.discovery]),
    ...(options.certificateTtl === undefined ? [] : ['--certificate-ttl', options.certificateTtl]),
    ...(options.flags ?? []),
    ...(options.trustDomain === undefined ? [] : ['--trust-domain', options.trustDomain]),
  ];
  const launch = { timeoutMs: 240_000, environment: options.environment ?? {} };
  let started = await xebec(parameters, launch);
  // Another test file's mesh may take a port between the moment it was found free and the moment it was bound.
  for (let retry = 0; retry < 3 && started.stderr.includes('EADDRINUSE'); retry++) {
    started = await xebec(parameters, launch);
  }
  if (started.code !== 0) throw new Error(`the mesh did not start: ${started.stderr}\n${started.stdout}`);
  const summary: unknown = JSON.parse(started.stdout);
  states.add(state);
  return meshAt(
    state,
    new URL(textAt(summary, 'ingress') ?? 'http://nowhere').origin,
    textAt(summary, 'capture') ?? '',
  );
}

function meshAt(state: string, ingress: string, capture: string): Mesh {
  const run: Mesh['xebec'] = (parameters, options) => xebec([...parameters, '--state', state], options);
  const stop = async (): Promise<void> => {
    await run(['down'], { timeoutMs: 60_000 });
    rmSync(state, { recursive: true, force: true });
  };
  const pods = async (): Promise<readonly Pod[]> =>
    (await run(['get', 'pods', '-A', '-o', 'json'])).stdout.length === 0
      ? []
      : podsOf(await admin(state, '/v1/objects?kind=Pod'));
  return {
    state,
    ingress,
    capture,
    xebec: run,
    apply: (yaml) => run(['apply', '-f', '-', '--wait=30s'], { input: yaml }),
    admin: (path) => admin(state, path),
    pods,
    async pod(prefix) {
      const found = podsOf(await admin(state, '/v1/objects?kind=Pod')).find(({ name }) =>
        name.startsWith(prefix),
      );
      if (found === undefined) throw new Error(`no Pod ${prefix}…`);
      return found;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** One call of the admin API. */
export function admin(state: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: join(state, 'run/control.sock'), path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    call.on('error', reject).end();
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value deep inside plain data; undefined where the path leads nowhere. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      Array.isArray(inner) && typeof key === 'number'
        ? inner[key]
        : isRecord(inner)
          ? inner[String(key)]
          : undefined,
    value,
  );
}

export const textAt = (value: unknown, ...path: readonly (string | number)[]): string | undefined => {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
};

export const listAt = (value: unknown, ...path: readonly (string | number)[]): readonly unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};

function textMapAt(value: unknown, ...path: readonly string[]): Readonly<Record<string, string>> {
  const found = at(value, ...path);
  return isRecord(found)
    ? Object.fromEntries(Object.entries(found).map(([key, text]) => [key, String(text)]))
    : {};
}

export const podsOf = (answer: unknown): readonly Pod[] =>
  listAt(answer, 'items').map((item) => ({
    name: textAt(item, 'metadata', 'name') ?? '',
    namespace: textAt(item, 'metadata', 'namespace') ?? '',
    ip: textAt(item, 'status', 'podIP') ?? '',
    isReady: listAt(item, 'status', 'conditions').some(
      (condition) => textAt(condition, 'type') === 'Ready' && textAt(condition, 'status') === 'True',
    ),
    labels: textMapAt(item, 'metadata', 'labels'),
    annotations: textMapAt(item, 'metadata', 'annotations'),
  }));

/** The pid a part of the mesh wrote when it started. */
export function pidOf(mesh: Pick<Mesh, 'state'>, part: 'control-plane' | 'agent'): number {
  const text = readFileSync(join(mesh.state, 'run', `${part}.pid`), 'utf8');
  const found = /\d+/.exec(text);
  if (found === null) throw new Error(`no pid in ${part}.pid`);
  return Number(found[0]);
}

/** The Envoy of a Pod, found by its bootstrap file's place. */
export function envoyPid(state: string, pod: string): number {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const parameters = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      const isEnvoy = parameters.includes('--config-path') || parameters.includes('-c');
      if (isEnvoy && parameters.some((text) => text.startsWith(join(state, 'run', pod)))) return Number(name);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error(`no Envoy of ${pod}`);
}

/** Waits for a condition; the deadline is part of what is asserted. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  deadlineMs = 20_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}${last === undefined ? '' : ` (${String(last)})`}`);
}
