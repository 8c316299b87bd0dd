// A pool of child processes like vitest's own, except that a test file which does not end is named, told about and ended.
import { relative } from 'node:path';
import { ForksPoolWorker } from 'vitest/node';
import { debuggerArgument, stackOf } from './javascript-stack.mjs';
import { fileLimitMs } from './limits.mjs';
import { describeTree, endTree, treeOf } from './process-tree.mjs';

const name = 'watched-forks';

/** What the reporter looks for among the errors of a run. */
export const endedByWatchdog = 'EndedByWatchdog';

const living = new Set();
/** A worker that is stuck does not notice that we are gone. */
process.once('exit', () => {
  for (const fork of living) fork.kill('SIGKILL');
});

class WatchedFork extends ForksPoolWorker {
  name = name;
  #project;
  #timer;

  constructor(options) {
    super({ ...options, execArgv: [...options.execArgv, debuggerArgument] });
    this.#project = options.project;
  }

  async start() {
    await super.start();
    const { fork } = this;
    living.add(fork);
    fork.once('exit', () => {
      living.delete(fork);
      clearTimeout(this.#timer);
    });
  }

  send(message) {
    if (message.type === 'run' || message.type === 'collect') {
      const files = message.context.files.map(({ filepath }) => filepath);
      this.#timer = setTimeout(() => void this.#end(files), fileLimitMs());
    }
    super.send(message);
  }

  async stop() {
    const { fork } = this;
    // One that died of a signal has no exit code, and its end is not told again.
    if (fork.signalCode !== null) fork.exitCode ??= 1;
    await super.stop();
  }

  async #end(files) {
    const { fork } = this;
    const tree = treeOf(fork.pid);
    const processes = describeTree(tree);
    const stack = await stackOf(fork);
    if (!living.has(fork)) return;
    for (const file of files) this.#tell(file, processes, stack);
    void endTree(tree);
    // Where the tree cannot be seen.
    fork.kill('SIGKILL');
  }

  #tell(file, processes, stack) {
    const { vitest } = this.#project;
    const shown = relative(vitest.config.root, file);
    const running = runningIn(vitest.state.getFiles([file]));
    const where = running.length === 0 ? '' : `, in ${running.map((each) => `"${each}"`).join(' and ')}`;
    const message = [
      `${shown} did not end within ${fileLimitMs() / 1_000} s${where}, and was ended; its processes were:`,
      ...processes.map((line) => `  ${line}`),
      ...(stack.length === 0 ? ['its worker did not say where it is'] : ['its worker was in:']),
      ...stack.map((line) => `  ${line}`),
    ].join('\n');
    process.stderr.write(`\n${message}\n`);
    const error = Object.assign(new Error(message), { name: endedByWatchdog, file, stack: '' });
    vitest.state.catchError(error, 'Test File Without End');
  }
}

/** Names of the tests that have begun and not ended, as far as the worker could tell. */
function runningIn(tasks) {
  return tasks.flatMap((task) => {
    if (task.type === 'test') return task.result?.state === 'run' ? [task.fullTestName ?? task.name] : [];
    return runningIn(task.tasks ?? []);
  });
}

export const watchedForks = { name, createPoolWorker: (options) => new WatchedFork(options) };
