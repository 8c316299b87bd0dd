// Which fields of an object a change touched: paths only, never values, so that no secret gets into the audit log.
import { deepEqual } from '@xebec/std';

const mostPaths = 20;

/** `+PATH` is new, `-PATH` is gone, `~PATH` differs; `…` where there are more than twenty. */
export function changedFields(before: unknown, after: unknown): readonly string[] {
  const paths: string[] = [];
  collect(before, after, { path: '', paths });
  return paths.length > mostPaths ? [...paths.slice(0, mostPaths), '…'] : paths;
}

interface Walk {
  readonly path: string;
  readonly paths: string[];
}

function collect(before: unknown, after: unknown, walk: Walk): void {
  if (walk.paths.length > mostPaths || deepEqual(before, after)) return;
  const [left, right] = [fieldsOf(before), fieldsOf(after)];
  if (left === undefined || right === undefined || Array.isArray(before) !== Array.isArray(after)) {
    walk.paths.push(`${before === undefined ? '+' : after === undefined ? '-' : '~'}${walk.path}`);
    return;
  }
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const path = Array.isArray(before)
      ? `${walk.path}[${name}]`
      : `${walk.path}${walk.path === '' ? '' : '.'}${name}`;
    collect(left.get(name), right.get(name), { path, paths: walk.paths });
  }
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}
