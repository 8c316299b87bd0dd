// Why a change is refused although its documents are well-formed: conflicts, owners, absent objects.
import type { ObjectKey } from '@xebec/config';
import { type Diagnostic, formatOrigin, type Origin } from '@xebec/std';
import type { Catalog, Entry } from './catalog.ts';
import type { Owner } from './journal.ts';
import type { Candidate } from './reading.ts';
import type { Refusal } from './types.ts';

const refuse = (
  key: ObjectKey,
  origin: Origin,
  diagnostic: Omit<Diagnostic, 'severity' | 'origin'>,
): Refusal => ({
  key,
  origin,
  diagnostics: [{ severity: 'error', ...diagnostic, origin }],
});

/** Optimistic concurrency: refuses unless the object has the expected version; empty expects that there is none. */
export function checkExpected(
  key: ObjectKey,
  expected: string | undefined,
  { catalog, origin = { object: key } }: { readonly catalog: Catalog; readonly origin?: Origin },
): Refusal | undefined {
  const current = catalog.get(key)?.stored.resourceVersion ?? '';
  if (expected === undefined || expected === current) return undefined;
  const shown = (version: string) => (version === '' ? 'no such object' : `version ${version}`);
  return refuse(key, origin, {
    code: 'conflict',
    message: `${key} was changed meanwhile: expected ${shown(expected)}, found ${shown(current)}`,
    remedy: 'read the object again and repeat the change on what it is now',
  });
}

/** A source takes over from the API, never from another source; nobody applies what the platform makes. */
export function checkOwner(
  { key, raw }: Candidate,
  before: Entry | undefined,
  owner: Owner,
): Refusal | undefined {
  const current = before?.stored;
  if (current === undefined || current.owner === owner) return undefined;
  if (current.owner === 'runtime') {
    return refuse(key, raw.origin, {
      code: 'runtime-object',
      message: `${key} is made by the platform`,
      remedy: 'choose another name, or change what it is made from (its Deployment)',
    });
  }
  if (owner === 'api' || current.owner === 'api') return undefined;
  return refuse(key, raw.origin, {
    code: 'owned-elsewhere',
    message: `${key} is already declared at ${formatOrigin(current.origin)} (${current.owner})`,
    remedy: 'keep one of the two declarations',
  });
}

export const notFound = (key: ObjectKey, isRuntime: boolean): Refusal =>
  refuse(
    key,
    { object: key },
    isRuntime
      ? {
          code: 'runtime-object',
          message: `${key} is made by the platform`,
          remedy: 'delete what it is made from (its Deployment)',
        }
      : { code: 'not-found', message: `there is no ${key}`, remedy: 'check kind, namespace and name' },
  );

export const bothWays = (key: ObjectKey): Refusal =>
  refuse(
    key,
    { object: key },
    {
      code: 'conflicting-change',
      message: `${key} is both applied and deleted`,
      remedy: 'do one of the two',
    },
  );
