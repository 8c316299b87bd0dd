// Runs until somebody says stop; a second time means at once.
import type { Cli } from '../cli.ts';
import { inOneLine } from '../output/printable.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignal extends Disposable {
  /** Resolves with the first signal. */
  readonly stopped: Promise<NodeJS.Signals>;
  readonly isStopped: boolean;
}

/** One Ctrl-C arrives twice when npm passes on what the terminal has already sent to everybody. */
const sameGestureMs = 1_000;

const ignore = (): void => undefined;

/** Listens for signals; the second one calls `onImpatience`, which by default ends the process. */
export function listenForStop(onImpatience: () => void = () => process.exit(1)): StopSignal {
  let isStopped = false;
  let firstAt = 0;
  let resolve: (signal: NodeJS.Signals) => void = () => undefined;
  const stopped = new Promise<NodeJS.Signals>((done) => {
    resolve = done;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopped) {
      if (performance.now() - firstAt > sameGestureMs) onImpatience();
      return;
    }
    isStopped = true;
    firstAt = performance.now();
    resolve(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  // Node would open a port for debuggers, behind which every key is.
  process.on('SIGUSR1', ignore);
  return {
    stopped,
    get isStopped() {
      return isStopped;
    },
    [Symbol.dispose]: () => {
      for (const signal of signals) process.removeListener(signal, onSignal);
      process.removeListener('SIGUSR1', ignore);
    },
  };
}

/** One line with the time, for logs of the parts, whatever is in the text. */
export function logLine(cli: Cli, text: string): void {
  cli.stderr.write(`${new Date().toISOString()} ${inOneLine(text)}\n`);
}
