// What the store said about documents, until it says otherwise.
import type { ObjectKey } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import type { Applied } from '@xebec/store';

export class Refusals {
  private readonly byKey = new Map<ObjectKey, readonly Diagnostic[]>();

  /** Takes over the store's answer; of documents that it knew already it says nothing new. */
  take({ changes, refused }: Applied, warnings: readonly Diagnostic[]): void {
    const warningsByObject = groupByObject(warnings);
    for (const { key, change } of changes) {
      const warned = warningsByObject.get(key);
      const staysKnown = change === 'unchanged' && this.byKey.get(key)?.every(isWarning) === true;
      if (warned !== undefined) this.byKey.set(key, warned);
      else if (!staysKnown) this.byKey.delete(key);
    }
    for (const { key, diagnostics } of refused) if (key !== undefined) this.byKey.set(key, diagnostics);
  }

  diagnostics(): readonly Diagnostic[] {
    return [...this.byKey.values()].flat();
  }
}

const isWarning = ({ severity }: Diagnostic): boolean => severity === 'warning';

function groupByObject(diagnostics: readonly Diagnostic[]): ReadonlyMap<string, readonly Diagnostic[]> {
  const groups = new Map<string, Diagnostic[]>();
  for (const diagnostic of diagnostics) {
    const object = diagnostic.origin?.object ?? '';
    groups.set(object, [...(groups.get(object) ?? []), diagnostic]);
  }
  return groups;
}
