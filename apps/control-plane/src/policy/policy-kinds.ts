// The kinds that a policy service is told.
import type { KindName, ObjectOf } from '@xebec/config';
import type { PolicyItem } from '@xebec/policy';
import type { Store } from '@xebec/store';

export const policyKinds = [
  'attributemanifest',
  'adapter',
  'template',
  'handler',
  'instance',
  'rule',
  'QuotaSpec',
  'QuotaSpecBinding',
  'QuotaPool',
  'QuotaPlan',
  'HTTPAPISpec',
  'HTTPAPISpecBinding',
] as const satisfies readonly KindName[];

export type PolicyKindName = (typeof policyKinds)[number];

export function itemOf({ kind, metadata, spec }: ObjectOf<PolicyKindName>): PolicyItem {
  const { namespace, name } = metadata;
  const language = 'language' in spec && spec.language === 'cel' ? { language: spec.language } : {};
  return { kind, namespace, name, spec, ...language };
}

/** How much there is for a policy service. */
export const countPolicyObjects = (store: Pick<Store, 'source'>): number =>
  policyKinds.reduce((sum, kind) => sum + store.source(kind).size, 0);
