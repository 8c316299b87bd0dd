// The state of decoding one object: where we are and what was wrong so far. Bounded: a hostile object cannot fill memory with problems.
import type { Severity } from '@xebec/std';
import type { Metadata } from '../types.ts';
import { quote } from './quote.ts';

export type Path = readonly (string | number)[];

/** What deserves a word, without the place: the walk knows that. */
export interface Caution {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
}

/** What is wrong, and what to write instead. */
export interface Complaint extends Caution {
  readonly remedy: string;
}

interface Problem extends Caution {
  readonly severity: Severity;
  readonly path: Path;
}

export interface Walk {
  readonly path: (string | number)[];
  readonly problems: Problem[];
  readonly metadata: Metadata;
}

const maxProblems = 100;

export const startWalk = (metadata: Metadata): Walk => ({ path: [], problems: [], metadata });

/** Records an error at the current place, or `under` it. Returns undefined, which is how decoders fail. */
export function refuse(walk: Walk, complaint: Complaint, ...under: Path): undefined {
  record(walk, complaint, 'error', under);
}

/** Records a warning at the current place, or `under` it. */
export function caution(walk: Walk, complaint: Caution, ...under: Path): void {
  record(walk, complaint, 'warning', under);
}

function record(walk: Walk, complaint: Caution, severity: Severity, under: Path): void {
  if (walk.problems.length >= maxProblems) {
    if (severity === 'warning' || walk.problems.some((problem) => problem.severity === 'error')) return;
  }
  walk.problems.push({ ...complaint, severity, path: [...walk.path, ...under] });
}

const plain = /^[A-Za-z_][\w-]*$/;

/** `spec.http[0].match[1].headers["x-user"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (plain.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${quote(key, 80)}]`;
  }
  return text;
}
