// How a kind is declared: its names, and one decoder of its body.
import { fail, succeed } from '@xebec/std';
import type { Decoder } from '../decode/decoder.ts';
import { type Decoded, type Field, type ObjectRules, object } from '../decode/object.ts';
import { startWalk } from '../decode/walk.ts';
import type { KindDefinition } from '../types.ts';
import type { KindMap, KindName } from './kind-map.ts';

export interface KindDeclaration<K extends KindName> {
  readonly kind: K;
  /** Empty for the core group. */
  readonly group: string;
  readonly versions: readonly string[];
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly isNamespaced: boolean;
  readonly isRuntime?: boolean;
  readonly mayBeRuntime?: boolean;
  readonly nameRule?: KindDefinition['nameRule'];
  /** Decodes the whole manifest into the body. */
  readonly body: Decoder<KindMap[K]>;
}

/** A kind whose body comes from one decoder; problems become diagnostics at their fields. */
export function defineKind<K extends KindName>(
  declaration: KindDeclaration<K>,
): KindDefinition<K, KindMap[K]> {
  const {
    body,
    isRuntime = false,
    mayBeRuntime = isRuntime,
    nameRule = 'dns-subdomain',
    ...names
  } = declaration;
  return {
    ...names,
    isRuntime,
    mayBeRuntime,
    nameRule,
    body,
    parseSpec(manifest, context) {
      const walk = startWalk(context.metadata);
      const spec = body(manifest, walk);
      const diagnostics = walk.problems.map(({ path, ...problem }) => context.at(path, problem));
      if (spec !== undefined && !diagnostics.some(({ severity }) => severity === 'error')) {
        return succeed(spec, diagnostics);
      }
      return fail(...diagnostics);
    },
  };
}

const envelope = ['apiVersion', 'kind', 'metadata'];

/** A manifest's own fields beside `apiVersion`, `kind` and `metadata`. */
export function manifestOf<S extends Readonly<Record<string, Field<unknown>>>>(
  shape: S,
  rules: ObjectRules = {},
): Decoder<Decoded<S>> {
  return object(shape, { ...rules, ignored: [...envelope, ...(rules.ignored ?? [])] });
}

export const istioNetworking = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  isNamespaced: true,
} as const;

export const istioSecurity = {
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  isNamespaced: true,
} as const;

export const istioExtensions = {
  group: 'extensions.istio.io',
  versions: ['v1alpha1'],
  isNamespaced: true,
} as const;
