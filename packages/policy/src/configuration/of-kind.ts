// Objects of one kind among objects of all.
import type { PolicyKind, PolicyObject, PolicyObjectOf } from './policy-object.ts';

const isKind =
  <Kind extends PolicyKind>(kind: Kind) =>
  (object: PolicyObject): object is PolicyObject & PolicyObjectOf<Kind> =>
    object.kind === kind;

export const ofKind = <Kind extends PolicyKind>(
  objects: readonly PolicyObject[],
  kind: Kind,
): readonly (PolicyObject & PolicyObjectOf<Kind>)[] => objects.filter(isKind(kind));
