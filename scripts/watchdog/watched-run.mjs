// Runs vitest to its end, or ends it: when it takes too long, when nothing moves any more, or when it is done and stays.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../prepare.mjs';
import { endLimitMs, fileLimitMs, runLimitMs } from './limits.mjs';
import { describeTree, endTree, treeOf } from './process-tree.mjs';
import { readResults, resultsFile, summarize } from './results.mjs';

const scripts = join(root, 'scripts');
const lookEveryMs = 1_000;
const quoted = (ms) => `${Math.round(ms / 1_000)} s`;

/** Why the run should go on no longer. */
function overdue(startedAtMs) {
  const now = Date.now();
  if (now - startedAtMs > runLimitMs())
    return `the run of all tests did not end within ${quoted(runLimitMs())}`;
  const quietMs = now - lastResultMs(startedAtMs);
  const isLate = quietMs > endLimitMs();
  if (isLate && readResults().ended)
    return `vitest did not end within ${quoted(endLimitMs())} of its last test`;
  // No file may take longer than its limit, so that something ends at least as often.
  const silenceMs = fileLimitMs() + endLimitMs();
  return quietMs > silenceMs ? `no test file ended for ${quoted(silenceMs)}` : undefined;
}

function lastResultMs(startedAtMs) {
  try {
    return Math.max(startedAtMs, statSync(resultsFile).mtimeMs);
  } catch {
    return startedAtMs;
  }
}

/** Ends a run that is overdue, telling what was seen; gives the reason, once all of it is gone. */
function watch(child, tell) {
  const startedAtMs = Date.now();
  let ended = Promise.resolve();
  const timer = setInterval(() => {
    const reason = overdue(startedAtMs);
    if (reason === undefined) return;
    clearInterval(timer);
    const tree = treeOf(child.pid);
    tell([`${reason}, and was ended; the processes were:`, ...describeTree(tree).map((line) => `  ${line}`)]);
    child.kill('SIGKILL');
    ended = endTree(tree).then(() => reason);
  }, lookEveryMs);
  child.once('exit', () => clearInterval(timer));
  return () => ended;
}

/** Runs vitest with these arguments; resolves with the lines that sum it up and the exit code. */
export async function runWatched({ args, env, tell }) {
  rmSync(resultsFile, { force: true });
  const reporters = ['default', join(scripts, 'vitest-reporter.mjs')].map((each) => `--reporter=${each}`);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  let whyEnded = async () => undefined;
  const options = {
    stdio: 'inherit',
    env,
    onStart: (child) => {
      whyEnded = watch(child, tell);
    },
  };
  const words = [vitest, 'run', ...reporters, ...args];
  const code = await run('running the tests', process.execPath, words, options);
  const results = readResults();
  const reason = await whyEnded();
  const unhandled = reason === undefined ? results.unhandled : [...results.unhandled, reason];
  return summarize({ ...results, unhandled }, code);
}
