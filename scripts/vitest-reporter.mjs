// Writes every result to test-results/results.json, with the reasons of what was skipped.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const resultsFile = resolve(root, 'test-results', 'results.json');

/** Why a test was skipped: its own note, or the reason in the name of a suite around it. */
function skipReason(test) {
  const { note } = test.result();
  if (note) return note;
  return /\(skipped: (.*?)\)(?= >|$)/.exec(test.fullName)?.[1] ?? 'not said';
}

function recordOf(test) {
  const { state, errors } = test.result();
  const isSkipped = state === 'skipped' || state === 'pending';
  return {
    file: relative(root, test.module.moduleId),
    project: test.project.name,
    title: test.fullName,
    state: isSkipped ? 'skipped' : state,
    durationMs: Math.round(test.diagnostic()?.duration ?? 0),
    ...(isSkipped ? { reason: skipReason(test) } : {}),
    ...(errors?.length ? { errors: errors.map(({ message }) => message) } : {}),
  };
}

/** A file that could not even be collected is a failure too. */
function moduleFailures(module) {
  const errors = module.errors();
  if (errors.length === 0) return [];
  return [
    {
      file: relative(root, module.moduleId),
      project: module.project.name,
      title: `${relative(root, module.moduleId)} (the file itself)`,
      state: 'failed',
      durationMs: 0,
      errors: errors.map(({ message }) => message),
    },
  ];
}

export default class ResultsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tests = modules.flatMap((module) => [
      ...[...module.children.allTests()].map(recordOf),
      ...moduleFailures(module),
      ...[...module.children.allSuites()].flatMap((suite) => suiteFailures(module, suite)),
    ]);
    const unhandled = unhandledErrors.map((error) => error.message ?? String(error));
    mkdirSync(dirname(resultsFile), { recursive: true });
    writeFileSync(
      resultsFile,
      `${JSON.stringify({ time: new Date().toISOString(), tests, unhandled }, null, 1)}\n`,
    );
  }
}

/** A hook that failed. */
function suiteFailures(module, suite) {
  const errors = suite.errors?.() ?? [];
  if (errors.length === 0) return [];
  return [
    {
      file: relative(root, module.moduleId),
      project: module.project.name,
      title: `${suite.fullName} (its hooks)`,
      state: 'failed',
      durationMs: 0,
      errors: errors.map(({ message }) => message),
    },
  ];
}
