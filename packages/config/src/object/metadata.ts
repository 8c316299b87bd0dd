// `metadata` of any object: what names it, and the labels and annotations that select and describe it.
import { text } from '../decode/decoder.ts';
import { object, optional, withDefault } from '../decode/object.ts';
import { refuse, type Walk } from '../decode/walk.ts';
import type { KindDefinition, Metadata } from '../types.ts';
import { dnsLabel, dnsSubdomain, serviceName } from '../values/names.ts';
import { emptyMap, isMap } from '../values/plain-map.ts';
import type { TextMap } from '../values/shapes.ts';
import { annotations, labels } from '../values/text-map.ts';

/** Of the platform's own doing. */
const ignored = [
  'clusterName',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];

const written = object(
  {
    name: optional(text),
    namespace: optional(dnsLabel),
    labels: withDefault<TextMap>(labels, emptyMap),
    annotations: withDefault<TextMap>(annotations, emptyMap),
  },
  { ignored, isTolerant: true },
);

const nameDecoders = { 'dns-label': dnsLabel, 'dns-subdomain': dnsSubdomain, 'service-name': serviceName };

type NamingRules = Pick<KindDefinition, 'kind' | 'isNamespaced' | 'nameRule'>;

/** Decodes `metadata`; a namespaced object without a namespace gets the default one. */
export function decodeMetadata(
  value: unknown,
  rules: NamingRules & { readonly defaultNamespace: string },
  walk: Walk,
): Metadata | undefined {
  walk.path.push('metadata');
  const decoded = isMap(value) ? written(value, walk) : missing(walk);
  const name = decoded === undefined ? undefined : decodeName(decoded.name, rules, walk);
  walk.path.pop();
  if (decoded === undefined || name === undefined) return undefined;
  const { namespace } = decoded;
  if (rules.isNamespaced) return { ...decoded, name, namespace: namespace ?? rules.defaultNamespace };
  if (namespace === undefined) return { ...decoded, name, namespace: '' };
  const message = `a ${rules.kind} belongs to no namespace`;
  return refuse(walk, { code: 'unknown-field', message, remedy: 'remove it' }, 'metadata', 'namespace');
}

const missing = (walk: Walk): undefined =>
  refuse(walk, {
    code: 'missing-field',
    message: 'the object has no metadata',
    remedy: 'add metadata: {name: …}',
  });

function decodeName(name: string | undefined, rules: NamingRules, walk: Walk): string | undefined {
  if (name === undefined) {
    const message = 'the object has no name';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add "name"' });
  }
  walk.path.push('name');
  const decoded = nameDecoders[rules.nameRule](name, walk);
  walk.path.pop();
  return decoded;
}
