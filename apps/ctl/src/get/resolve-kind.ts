// Words for kinds, as people type them: kind, plural, short name.
import { kindDefinitions, kinds, resolveKindName } from '@xebec/config';
import { fail, type Result, succeed } from '@xebec/std';
import { problem } from '../output/diagnostics.ts';

export interface ResolvedKind {
  readonly kind: string;
  readonly isNamespaced: boolean;
}

export function resolveKind(word: string): Result<ResolvedKind> {
  const kind = resolveKindName(word);
  if (kind !== undefined) return succeed({ kind, isNamespaced: kindDefinitions[kind].isNamespaced });
  const known = kinds.map(({ plural, shortNames }) => [plural, ...shortNames].join('|')).sort();
  return fail(problem('unknown-kind', `"${word}" is not a kind`, `known: ${known.join(', ')}`));
}

/** Every kind, for `get all`: what people look at first comes first. */
export const allKinds = (): readonly string[] => kinds.map(({ kind }) => kind);
