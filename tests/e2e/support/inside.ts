// Runs a program where a workload runs: in its network, with its names, and with nothing that tells of a proxy.
import { execFile } from 'node:child_process';

/** Runs JavaScript (an ES module that prints) in the namespaces of a process. */
export function runInside(pid: number, script: string, timeoutMs = 60_000): Promise<string> {
  const node = [process.execPath, '--input-type=module', '--eval', script];
  return new Promise((resolve, reject) => {
    execFile(
      'nsenter',
      ['--target', String(pid), '--net', '--mount', '--', ...node],
      { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stderr}`)),
    );
  });
}
