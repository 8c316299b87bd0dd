// Starts and ends the application's process.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface AppProcess {
  readonly port: number;
  close(): void;
}

export function startApp(address: string): Promise<AppProcess> {
  const child = fork(fileURLToPath(new URL('./app-server.mjs', import.meta.url)), [address], {
    execArgv: [],
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error('the application did not start'));
    }, 20_000);
    child.once('message', (port) => {
      clearTimeout(timer);
      resolve({ port: Number(port), close: () => void (child.connected && child.disconnect()) });
    });
    child.once('error', reject);
  });
}
