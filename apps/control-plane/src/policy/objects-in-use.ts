// What others go by is not taken away from them: who deletes or changes it is told who they are. Rule: only what this change breaks counts, not what was broken before.
import type { AnyObject } from '@xebec/config';
import type { ObjectKey } from '@xebec/model';
import type { PolicyProblem } from '@xebec/policy';
import type { Diagnostic } from '@xebec/std';
import type { ObjectsToBe } from '@xebec/store';

/** Of which kind the missing thing is, by what is said of it. */
const missing: Readonly<Record<string, string>> = {
  'unknown-handler': 'handler',
  'unknown-instance': 'instance',
  'unknown-attribute': 'attributemanifest',
  'wrong-type': 'attributemanifest',
  'unknown-template': 'template',
  'unknown-adapter': 'adapter',
};

const used: ReadonlySet<string> = new Set(Object.values(missing));

const kindOf = (key: string): string => key.slice(0, key.indexOf('/'));

export interface UseCheck extends Pick<ObjectsToBe, 'changed' | 'removed' | 'before'> {
  /** Everything that the compiler says of the objects as they would be. */
  readonly problems: readonly PolicyProblem[];
  /** The same of the objects as they are. */
  readonly problemsBefore: () => readonly PolicyProblem[];
}

/** Refuses to take away what is in use. */
export function* refuseInUse({
  changed,
  removed,
  before,
  problems,
  problemsBefore,
}: UseCheck): Iterable<{ readonly key: ObjectKey; readonly diagnostic: Diagnostic }> {
  const taken = [...removed.keys(), ...[...changed.keys()].filter((key) => before(key) !== undefined)];
  const suspects = taken.filter((key) => used.has(kindOf(key)));
  if (suspects.length === 0) return;
  const others = problems.filter(
    ({ object, diagnostic }) => diagnostic.severity === 'error' && !has(changed, object),
  );
  if (others.length === 0) return;
  const known = new Set(problemsBefore().map(nameOf));
  const broken = others.filter((problem) => !known.has(nameOf(problem)));
  for (const key of suspects) {
    const own = broken.filter(({ diagnostic }) => (missing[diagnostic.code] ?? kindOf(key)) === kindOf(key));
    if (own.length > 0) yield { key, diagnostic: inUse(own, { isRemoved: removed.has(key) }) };
  }
}

const has = (objects: ReadonlyMap<string, AnyObject>, key: string): boolean => objects.has(key);

const nameOf = ({ object, diagnostic: { field, code, message } }: PolicyProblem): string =>
  `${object} ${field} ${code} ${message}`;

const mostNamed = 5;

function inUse(broken: readonly PolicyProblem[], { isRemoved }: { readonly isRemoved: boolean }): Diagnostic {
  const users = [...new Set(broken.map(({ object }) => object))];
  const named = users.slice(0, mostNamed).join(', ');
  const more = users.length > mostNamed ? ` and ${users.length - mostNamed} more` : '';
  const [first] = broken;
  const example = first === undefined ? '' : `: ${first.diagnostic.message}`;
  return {
    severity: 'error',
    code: 'in-use',
    message: `${named}${more} would be left without it${example}`,
    remedy: isRemoved
      ? 'delete or change what uses it first, or in the same transaction'
      : 'keep what they use, or change them in the same transaction',
  };
}
