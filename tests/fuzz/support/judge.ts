// What must hold for any document: it is taken, or refused with a place and a remedy; soon, and without touching a prototype.
import {
  type AnyObject,
  type ParsedFile,
  parseDocuments,
  parseObject,
  type RawObject,
  rawObject,
} from '../../../packages/config/src/index.ts';
import type { Diagnostic } from '../../../packages/std/src/index.ts';

export interface Accepted {
  readonly raw: RawObject;
  readonly object: AnyObject;
}

export interface Judged {
  readonly accepted: readonly Accepted[];
  /** What is wrong with how the text was treated. */
  readonly faults: readonly string[];
}

const maxMs = 1_000;

/** CPU time of this process: what other processes of the machine do does not count. */
function cpuMsOf(work: () => unknown): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

/** Reads documents as the control plane does. Throws only what the reader throws. */
export const judge = (text: string): Judged => judgeAll(() => parseDocuments(text, 'fuzz.yaml'));

/** Reads an object as it comes by the API: without text. */
export const judgeValue = (value: unknown): Judged =>
  judgeAll(() => ({
    objects: [rawObject(value, { file: 'fuzz.json', line: 1, column: 1 })],
    diagnostics: [],
  }));

type Read = () => Pick<ParsedFile, 'objects' | 'diagnostics'>;

function readAll(read: Read) {
  const { objects, diagnostics } = read();
  const results = objects.map((raw) => ({ raw, result: parseObject(raw, { defaultNamespace: 'default' }) }));
  return { results, diagnostics };
}

function judgeAll(read: Read): Judged {
  const start = performance.now();
  const { results, diagnostics } = readAll(read);
  // Asking for CPU time costs more than most inputs, so it is asked only where time was spent.
  const spent = performance.now() - start > maxMs ? cpuMsOf(() => readAll(read)) : 0;
  const refusals = results.flatMap(({ result }) => (result.ok ? result.warnings : result.diagnostics));
  const silent = results.filter(({ result }) => !result.ok && result.diagnostics.length === 0);
  return {
    accepted: results.flatMap(({ raw, result }) => (result.ok ? [{ raw, object: result.value }] : [])),
    faults: [
      ...(spent > maxMs ? [`took ${Math.round(spent)} ms`] : []),
      ...(silent.length > 0 ? ['refused without a word'] : []),
      ...[...diagnostics, ...refusals].flatMap(faultsOf),
      ...(Reflect.get({}, 'polluted') === undefined ? [] : ['the prototype of objects was changed']),
    ],
  };
}

function faultsOf(diagnostic: Diagnostic): readonly string[] {
  const { code, message, origin, remedy, severity } = diagnostic;
  const what = `${code} "${message.slice(0, 120)}"`;
  return [
    ...((origin?.line ?? 0) > 0 && (origin?.column ?? 0) > 0 ? [] : [`${what} has no place`]),
    ...(severity === 'warning' || (remedy !== undefined && remedy !== '') ? [] : [`${what} has no remedy`]),
    ...(/^[a-z0-9-]+$/.test(code) ? [] : [`${what} has a strange code`]),
    ...(message.length + (remedy?.length ?? 0) < 2_000
      ? []
      : [`${what} is long: ${message.length}, ${remedy?.length}`]),
    ...(/\p{Cc}/u.test(`${message}${remedy}`) ? [`${what} holds control characters`] : []),
  ];
}
