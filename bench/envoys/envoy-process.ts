// A real Envoy with a bootstrap of the benchmark; its admin interface is a socket in the work directory.
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { formatDiagnostic } from '@xebec/std';
import { locateEnvoy } from '@xebec/supervise';
import { nowMs, until } from '../measure/clock.ts';
import type { ProcessUsage } from '../measure/process-usage.ts';
import { startServer } from '../servers/server-process.ts';

export interface RunningEnvoy {
  readonly startedAtMs: number;
  usage(): ProcessUsage;
  /** Milliseconds from the start until it is live and has a listener whose name ends so. */
  ready(listener: string, limitMs: number): Promise<number>;
  admin(path: string): Promise<string>;
  stop(): Promise<void>;
}

export interface EnvoyOptions {
  readonly path: string;
  readonly name: string;
  readonly workDirectory: string;
  readonly bootstrap: (adminSocket: string) => string;
}

/** Finds an Envoy as `xebec up` does, or gets one. */
export async function findEnvoy(onProgress: (what: string) => void): Promise<string> {
  const found = await locateEnvoy({
    env: process.env,
    onProgress: (progress) => onProgress(`Envoy: ${JSON.stringify(progress)}`),
  });
  if (found.ok) return found.value.path;
  throw new Error(found.diagnostics.map(formatDiagnostic).join('\n'));
}

/** The agent's own number. */
const workers = '2';

export function startEnvoy({ path, name, workDirectory, bootstrap }: EnvoyOptions): RunningEnvoy {
  const adminSocket = join(workDirectory, `${name}.sock`);
  const config = join(workDirectory, `${name}.json`);
  writeFileSync(config, bootstrap(adminSocket));
  const server = startServer({
    name,
    file: path,
    args: ['-c', config, '--disable-hot-restart', '--concurrency', workers, '--log-level', 'warning'],
    logFile: join(workDirectory, `${name}.log`),
    address: '',
  });
  const admin = (query: string): Promise<string> => askAdmin(adminSocket, query);
  const isReady = async (listener: string): Promise<boolean> => {
    const problem = server.problem();
    if (problem !== undefined) throw new Error(problem);
    try {
      if (!(await admin('/ready')).startsWith('LIVE')) return false;
      return (await admin('/listeners')).split('\n').some((line) => line.split('::')[0]?.endsWith(listener));
    } catch {
      return false;
    }
  };
  return {
    startedAtMs: server.startedAtMs,
    usage: server.usage,
    async ready(listener, limitMs) {
      if (!(await until(() => isReady(listener), limitMs, 5)))
        throw new Error(`${name} was not ready after ${limitMs} ms`);
      return nowMs() - server.startedAtMs;
    },
    admin,
    stop: server.stop,
  };
}

function askAdmin(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: 20_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error('the admin interface is silent')));
    asked.end();
  });
}
