// One Envoy that enforces the policies of many cases. Its answers say what it saw.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { BootstrapSchema } from '@xebec/protos/envoy/config/bootstrap/v3/bootstrap_pb';
import { bootstrapOf } from './case-bootstrap.ts';
import type { EnvoyOptions } from './case-options.ts';
import { readNotes } from './notes.ts';

export interface RunningEnvoy extends AsyncDisposable {
  log(): string;
  /** What was noted down of a request that is over, by its `callHeader`; undefined when nothing comes for long. */
  marksOf(call: string): Promise<readonly string[] | undefined>;
}

/** Resolves when it takes connections. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const directory = mkdtempSync(join(tmpdir(), 'xb-differential-'));
  const file = join(directory, 'bootstrap.pb');
  writeFileSync(file, toBinary(BootstrapSchema, bootstrapOf(options)));
  const flags = [
    '-c',
    file,
    '--concurrency',
    '1',
    '--disable-hot-restart',
    '-l',
    'info',
    '--file-flush-interval-msec',
    '10',
  ];
  const child: ChildProcess = spawn(process.env['ENVOY_PATH'] ?? 'envoy', flags, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const notes = readNotes(child);
  let log = '';
  const started = new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      log = (log + part).slice(-100_000);
      if (log.includes('starting main dispatch loop')) resolve();
    });
    child.once('close', () => reject(new Error(`Envoy ended: ${log.slice(-3_000)}`)));
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await started;
  } catch (error) {
    await stop();
    throw error;
  }
  return { log: () => log, marksOf: notes, [Symbol.asyncDispose]: stop };
}
