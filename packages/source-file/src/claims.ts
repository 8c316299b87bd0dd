// Which file declares which object. Of several the one that counts stays the same as long as it declares it.
import type { ObjectKey, RawObject } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import { duplicate } from '@xebec/store';
import type { FileContent } from './read-file.ts';

interface Claim {
  readonly path: string;
  readonly raw: RawObject;
}

export class Claims {
  private readonly claimsByKey = new Map<ObjectKey, readonly Claim[]>();
  private readonly duplicated = new Set<ObjectKey>();

  /** Takes over what a file declares now; returns the keys whose declaration is another than before. */
  replace(path: string, before: FileContent | undefined, after: FileContent | undefined): Set<ObjectKey> {
    const rawsAfter = rawsByKey(after);
    const rawsBefore = rawsByKey(before);
    const affected = new Set<ObjectKey>();
    for (const key of new Set([...rawsBefore.keys(), ...rawsAfter.keys()])) {
      const raws = rawsAfter.get(key) ?? [];
      if (isSameList(rawsBefore.get(key) ?? [], raws)) continue;
      affected.add(key);
      this.replaceClaims(key, path, raws);
    }
    return affected;
  }

  /** The declaration that counts. */
  get(key: ObjectKey): RawObject | undefined {
    return this.claimsByKey.get(key)?.[0]?.raw;
  }

  keys(): Iterable<ObjectKey> {
    return this.claimsByKey.keys();
  }

  /** Makes the declaration in `path` the one that counts, if there is one. */
  prefer(key: ObjectKey, path: string): void {
    const claims = this.claimsByKey.get(key) ?? [];
    const preferred = claims.find((claim) => claim.path === path);
    if (preferred === undefined || preferred === claims[0]) return;
    this.claimsByKey.set(key, [preferred, ...claims.filter((claim) => claim !== preferred)]);
  }

  duplicates(): readonly Diagnostic[] {
    return [...this.duplicated].flatMap((key) => {
      const [first, ...others] = this.claimsByKey.get(key) ?? [];
      return first === undefined ? [] : others.map(({ raw }) => duplicate(key, first.raw, raw));
    });
  }

  private replaceClaims(key: ObjectKey, path: string, raws: readonly RawObject[]): void {
    const own = raws.map((raw) => ({ path, raw }));
    const claims = this.claimsByKey.get(key) ?? [];
    const others = claims.filter((claim) => claim.path !== path);
    const isFirst = claims[0]?.path === path;
    const next = isFirst ? [...own, ...others] : [...others, ...own];
    if (next.length === 0) this.claimsByKey.delete(key);
    else this.claimsByKey.set(key, next);
    if (next.length > 1) this.duplicated.add(key);
    else this.duplicated.delete(key);
  }
}

function rawsByKey(content: FileContent | undefined): Map<ObjectKey, RawObject[]> {
  const raws = new Map<ObjectKey, RawObject[]>();
  for (const { key, raw } of content?.objects ?? []) {
    const known = raws.get(key);
    if (known === undefined) raws.set(key, [raw]);
    else known.push(raw);
  }
  return raws;
}

const isSameList = (left: readonly RawObject[], right: readonly RawObject[]): boolean =>
  left.length === right.length && left.every((raw, position) => raw === right[position]);
