// A real Redis for tests, on a port of its own; where there is no redis-server the tests are skipped with that reason.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const redisIsInstalled: boolean =
  spawnSync('redis-server', ['--version'], { timeout: 10_000 }).status === 0;

export interface RedisServer {
  readonly url: string;
  /** As when the machine stops. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

interface RedisOptions {
  /** What was written is there again after a kill. */
  readonly isLasting?: boolean;
  readonly password?: string;
}

export async function startRedis({ isLasting = false, password }: RedisOptions = {}): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const options = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      isLasting ? 'yes' : 'no',
      '--appendfsync',
      'always',
      '--dir',
      directory,
      ...(password === undefined ? [] : ['--requirepass', password]),
    ];
    child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
    await ready(child);
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    async close() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('redis-server did not start within 20 s')), 20_000);
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (!said.includes('Ready to accept connections')) return;
      clearTimeout(deadline);
      resolve();
    });
    child.once('exit', (code) => {
      clearTimeout(deadline);
      reject(new Error(`redis-server ended with ${code}: ${said}`));
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
