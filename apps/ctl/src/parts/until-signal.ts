// Runs until somebody says stop; a second time means at once.
import type { Cli } from '../cli.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignal extends Disposable {
  /** Resolves with the first signal. */
  readonly stopped: Promise<NodeJS.Signals>;
  readonly isStopped: boolean;
}

/** Listens for signals; the second one calls `onImpatience`, which by default ends the process. */
export function listenForStop(onImpatience: () => void = () => process.exit(1)): StopSignal {
  let isStopped = false;
  let resolve: (signal: NodeJS.Signals) => void = () => undefined;
  const stopped = new Promise<NodeJS.Signals>((done) => {
    resolve = done;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopped) return onImpatience();
    isStopped = true;
    resolve(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    stopped,
    get isStopped() {
      return isStopped;
    },
    [Symbol.dispose]: () => {
      for (const signal of signals) process.removeListener(signal, onSignal);
    },
  };
}

/** One line with the time, for logs of the parts. */
export function logLine(cli: Cli, text: string): void {
  cli.stderr.write(`${new Date().toISOString()} ${text}\n`);
}
