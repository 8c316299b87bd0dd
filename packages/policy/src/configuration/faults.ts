// Collects what is wrong with one object while it is compiled, with fields from the object's root.

import { formatPath, type Path } from '@xebec/config/decode';
import type { Diagnostic, Origin } from '@xebec/std';

export interface Faults {
  readonly list: Diagnostic[];
  /** Records a problem at a path: `['spec', 'actions', 0]`. */
  add(path: Path, problem: { code: string; message: string; remedy: string }): void;
  /** Records diagnostics of something inside; their own fields are kept as part of the message's place. */
  adopt(path: Path, diagnostics: readonly Diagnostic[]): void;
  readonly hasErrors: boolean;
}

export function collectFaults(origin: Origin | undefined): Faults {
  const list: Diagnostic[] = [];
  const place = origin === undefined ? {} : { origin };
  return {
    list,
    add: (path, problem) => {
      list.push({ severity: 'error', ...problem, ...place, field: formatPath(path) });
    },
    adopt: (path, diagnostics) => {
      for (const { origin: _inner, field, ...problem } of diagnostics) {
        list.push({ ...problem, ...place, field: join(formatPath(path), field) });
      }
    },
    get hasErrors() {
      return list.some(({ severity }) => severity === 'error');
    },
  };
}

function join(outer: string, inner: string | undefined): string {
  if (inner === undefined || inner === '') return outer;
  if (outer === '') return inner;
  return inner.startsWith('[') ? `${outer}${inner}` : `${outer}.${inner}`;
}
