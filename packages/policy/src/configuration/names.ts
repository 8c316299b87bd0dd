// How objects of the policy service are named, and how they name each other: NAME, NAME.NAMESPACE or Mixer's NAME.KIND.NAMESPACE.
import { policyReferences } from '@xebec/config';

/** `NAME.KIND.NAMESPACE`. */
export const fullName = (name: string, kind: string, namespace: string): string =>
  `${name}.${kind}.${namespace}`;

/** `NAME.NAMESPACE` of a full name: what a user sees in messages. */
export function shortName(full: string): string {
  const [name, kind, namespace, ...rest] = full.split('.');
  if (rest.length > 0 || namespace === undefined || kind === undefined) return full;
  return `${name}.${namespace}`;
}

interface Reference {
  readonly text: string;
  readonly kind: string;
  /** Of the object that refers. */
  readonly namespace: string;
}

/** Full names that a reference may mean, the nearest first. */
export const candidates = ({ text, kind, namespace }: Reference): readonly string[] =>
  policyReferences(text, { kind, namespace }).map((found) => fullName(found.name, kind, found.namespace));

/** What `reference` means among `known`, by full name. */
export function resolve<T>(reference: Reference, known: ReadonlyMap<string, T>): T | undefined {
  for (const name of candidates(reference)) {
    const found = known.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}
