// How the kinds of config.istio.io/v1alpha2 are declared: lower-case names as Mixer had them, one body each.
import { andThen, type Decoder } from '../decode/decoder.ts';
import { required } from '../decode/object.ts';
import type { KindDefinition } from '../types.ts';
import { defineKind, manifestOf } from './define.ts';
import type { KindMap, KindName } from './kind-map.ts';

type PolicyKindName = Extract<
  KindName,
  | 'handler'
  | 'instance'
  | 'rule'
  | 'attributemanifest'
  | 'adapter'
  | 'template'
  | 'QuotaSpec'
  | 'QuotaSpecBinding'
  | 'HTTPAPISpec'
  | 'HTTPAPISpecBinding'
>;

/** A kind that configures the policy service; proxies know nothing of it. */
export function definePolicyKind<K extends PolicyKindName>(
  kind: K,
  plural: string,
  spec: Decoder<KindMap[K]>,
): KindDefinition<K, KindMap[K]> {
  return defineKind<K>({
    group: 'config.istio.io',
    versions: ['v1alpha2'],
    isNamespaced: true,
    kind,
    plural,
    shortNames: [],
    body: andThen(
      manifestOf({ spec: required(spec) }, { ignored: ['status'] }),
      (value): KindMap[K] | undefined => value.spec,
    ),
  });
}
