// What a revision changed, as a unified diff; the contents of Secrets are never shown.
import { toManifest, toYaml } from '@xebec/config';
import { deepEqual } from '@xebec/std';
import type { Manifest } from './journal.ts';
import { unifiedDiff } from './line-diff.ts';
import type { Revision, RevisionChange } from './types.ts';

/** Unified diff of the manifests of all objects the revision changed, as YAML. */
export const diffRevision = (revision: Revision): string => revision.changes.map(diffChange).join('\n');

/** Unified diff of one object; `before` or `after` may be absent. */
export function diffChange(change: Pick<RevisionChange, 'key' | 'before' | 'after'>): string {
  const { before, after } = change;
  return [
    `--- ${before === undefined ? '/dev/null' : change.key}`,
    `+++ ${after === undefined ? '/dev/null' : change.key}`,
    unifiedDiff(
      before === undefined ? [] : printManifest(hideSecrets(before, before)),
      after === undefined ? [] : printManifest(hideSecrets(after, before ?? after)),
    ),
  ].join('\n');
}

const printManifest = (manifest: Manifest): readonly string[] =>
  toYaml(toManifest({ manifest })).trimEnd().split('\n');

const hiddenFields = ['data', 'stringData'];
const appliedCopy = 'kubectl.kubernetes.io/last-applied-configuration';

function hideSecrets(manifest: Manifest, before: Manifest): Manifest {
  if (manifest['kind'] !== 'Secret') return manifest;
  const shown: Record<string, unknown> = { ...manifest };
  for (const field of hiddenFields) {
    if (field in shown) shown[field] = hideValues(shown[field], before[field]);
  }
  shown['metadata'] = withoutCopy(shown['metadata']);
  return shown;
}

/** Tells values that differ from those before, and nothing more about them. */
function hideValues(values: unknown, before: unknown): unknown {
  if (!isObject(values)) return '(hidden)';
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const isEqual = isObject(before) && deepEqual(value, before[name]);
      return [name, isEqual ? '(hidden)' : '(hidden, changed)'];
    }),
  );
}

function withoutCopy(metadata: unknown): unknown {
  if (!isObject(metadata) || !isObject(metadata['annotations'])) return metadata;
  const { [appliedCopy]: _hidden, ...annotations } = metadata['annotations'];
  return { ...metadata, annotations };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
