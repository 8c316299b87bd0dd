// A whole control plane in the test's process: fed by files or its API, served over real sockets, undone at the end.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ControlPlane, type ControlPlaneEvent, runControlPlane } from '@xebec/control-plane';
import type { MeshSettings } from '@xebec/mesh';

export interface Applied {
  readonly revision: number;
  readonly epoch: number;
}

/** What the admin API says of one stream. */
export interface ShownStream {
  readonly client: string;
  readonly types: Readonly<
    Record<
      string,
      {
        readonly subscription: string;
        readonly held: number;
        readonly available: number;
        readonly ackedEpoch: number;
        readonly isInFlight: boolean;
        readonly rejection?: {
          readonly message: string;
          readonly resources: readonly {
            readonly name: string;
            readonly causes: readonly {
              readonly cause: string;
              readonly origin?: { readonly file: string; readonly line: number; readonly column: number };
            }[];
          }[];
        };
      }
    >
  >;
}

export interface TestControlPlane {
  readonly port: number;
  /** Where its files are. */
  readonly directory: string;
  readonly events: readonly ControlPlaneEvent[];
  apply(text: string, file?: string): Promise<Applied>;
  remove(...keys: readonly string[]): Promise<Applied>;
  putPod(pod: unknown): Promise<void>;
  writeFile(name: string, text: string): void;
  streams(): Promise<readonly ShownStream[]>;
  /** These clients have had every answer they asked for, and acknowledged the epoch and whatever came later. */
  settled(clients: readonly Waiting[], atLeast?: number): Promise<void>;
  ask<T>(method: string, path: string, body?: unknown): Promise<T>;
  close(): Promise<void>;
}

export interface TestOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly settings?: Partial<MeshSettings>;
}

export async function startControlPlane({ files, settings }: TestOptions = {}): Promise<TestControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-feature-'));
  const config = join(directory, 'config');
  const writeFile = (name: string, text: string): void => {
    mkdirSync(dirname(join(config, name)), { recursive: true });
    writeFileSync(join(config, name), text);
  };
  for (const [name, text] of Object.entries(files ?? {})) writeFile(name, text);
  const events: ControlPlaneEvent[] = [];
  const socket = join(directory, 'control.sock');
  const started = await runControlPlane({
    xdsPlaintext: '127.0.0.1:0',
    controlSocket: socket,
    ...(files === undefined ? {} : { configDirectories: [config] }),
    ...(settings === undefined ? {} : { settings }),
    onEvent: (event) => events.push(event),
  });
  if (!started.ok) throw new Error(JSON.stringify(started.diagnostics));
  return handleOf(started.value, { directory, config, socket, events, writeFile });
}

interface Place {
  readonly directory: string;
  readonly config: string;
  readonly socket: string;
  readonly events: readonly ControlPlaneEvent[];
  readonly writeFile: (name: string, text: string) => void;
}

function handleOf(
  plane: ControlPlane,
  { directory, config, socket, events, writeFile }: Place,
): TestControlPlane {
  const ask = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    askSocket<T>(socket, { method, path, body });
  const streams = async () => (await ask<{ items: readonly ShownStream[] }>('GET', '/v1/proxies')).items;
  return {
    port: Number(plane.addresses.xdsPlaintext?.split(':').at(-1)),
    directory: config,
    events,
    writeFile,
    ask,
    streams,
    apply: (text, file = 'mesh.yaml') => ask('POST', '/v1/apply', { documents: [{ file, text }] }),
    remove: (...keys) => ask('POST', '/v1/delete', { keys }),
    putPod: (object) => ask('PUT', '/v1/runtime', { object }),
    settled: (clients, atLeast) => settle(streams, clients, atLeast ?? 0),
    close: async () => {
      await plane.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A client as far as settling is concerned. */
export interface Waiting {
  readonly id: string;
  waiting(): readonly string[];
}

async function settle(
  streams: TestControlPlane['streams'],
  clients: readonly Waiting[],
  atLeast: number,
): Promise<void> {
  const isSettled = (stream: ShownStream | undefined): boolean => {
    const used = Object.values(stream?.types ?? {}).filter(({ subscription }) => subscription !== 'none');
    return (
      used.length > 0 && used.every(({ isInFlight, ackedEpoch }) => !isInFlight && ackedEpoch >= atLeast)
    );
  };
  await eventually('every client has what it asked for', async () => {
    const all = await streams();
    return clients.every(
      ({ id, waiting }) => waiting().length === 0 && isSettled(all.find(({ client }) => client === id)),
    );
  });
}

/** Awaits a condition, asking again and again until the deadline. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

function askSocket<T>(socketPath: string, { method, path, body }: Question): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath, method, path, headers: body === undefined ? {} : { 'content-type': 'application/json' } },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
