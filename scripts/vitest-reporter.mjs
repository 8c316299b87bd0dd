// Writes every result to test-results/results.json as soon as its file has ended, with the reasons of what was skipped.
import { relative, resolve } from 'node:path';
import { writeResults } from './watchdog/results.mjs';
import { endedByWatchdog } from './watchdog/watched-forks.mjs';

let root = resolve('.');
const shown = (path) => relative(root, path);

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
    file: shown(test.module.moduleId),
    project: test.project.name,
    title: test.fullName,
    state: isSkipped ? 'skipped' : state,
    durationMs: Math.round(test.diagnostic()?.duration ?? 0),
    ...(isSkipped ? { reason: skipReason(test) } : {}),
    ...(errors?.length ? { errors: errors.map(({ message }) => message) } : {}),
  };
}

const failureOf = (module, title, messages) => ({
  file: shown(module.moduleId),
  project: module.project.name,
  title,
  state: 'failed',
  durationMs: 0,
  errors: messages,
});

/** A file that could not even be collected is a failure too, and so is a hook. */
function failuresAround(module) {
  const messages = (errors) => errors.map(({ message }) => message);
  const own = messages(module.errors());
  const suites = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  return [
    ...(own.length === 0 ? [] : [failureOf(module, `${shown(module.moduleId)} (the file itself)`, own)]),
    ...suites.map((suite) => failureOf(module, `${suite.fullName} (its hooks)`, messages(suite.errors()))),
  ];
}

const recordsOf = (module) => [...[...module.children.allTests()].map(recordOf), ...failuresAround(module)];

/** Of a file whose worker was ended or died: what its tests had come to, and that it failed. */
function recordsOfUnended(module, why) {
  const ended = [...module.children.allTests()].filter((test) => test.result().state !== 'pending');
  return [...ended.map(recordOf), failureOf(module, `${shown(module.moduleId)} (the file itself)`, [why])];
}

const isDeathOfWorker = (error) => error?.cause?.message === 'Worker exited unexpectedly';

const keyOf = ({ project, moduleId }) => `${project.name}|${moduleId}`;

export default class ResultsReporter {
  #unfinished = new Map();
  #records = new Map();

  onInit(vitest) {
    root = vitest.config.root;
  }

  onTestRunStart(specifications) {
    for (const each of specifications) this.#unfinished.set(keyOf(each), shown(each.moduleId));
    this.#write({ unhandled: [], ended: false });
  }

  onTestModuleEnd(module) {
    this.#unfinished.delete(keyOf(module));
    this.#records.set(keyOf(module), recordsOf(module));
    this.#write({ unhandled: [], ended: false });
  }

  onTestRunEnd(modules, errors) {
    const unended = modules.filter((module) => this.#unfinished.has(keyOf(module)));
    for (const module of unended) {
      const known = errors.find((error) => error.name === endedByWatchdog && error.file === module.moduleId);
      const why = known?.message ?? 'its worker ended before it did';
      this.#records.set(keyOf(module), recordsOfUnended(module, why));
      this.#unfinished.delete(keyOf(module));
    }
    // What is told by the files it happened to is not told twice.
    const deaths = unended.length;
    const others = errors.filter(({ name }) => name !== endedByWatchdog);
    const unhandled = others.filter((error) => deaths === 0 || !isDeathOfWorker(error));
    this.#write({ unhandled: unhandled.map((error) => error.message ?? String(error)), ended: true });
  }

  #write(rest) {
    const tests = [...this.#records.values()].flat();
    writeResults({ tests, unfinished: [...this.#unfinished.values()], ...rest });
  }
}
