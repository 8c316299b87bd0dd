// What the kinds of the policy service have in common: parameters, expressions, references by name, and annotations.
import { andThen, type Decoder, mapOf, quote, text, wrongType } from '../decode/decoder.ts';
import { type Complaint, refuse, type Walk } from '../decode/walk.ts';
import { isMap, plainMap } from '../values/plain-map.ts';

const mostExpression = 16_384;

/** An expression as it is written; what it means is checked against the vocabulary, by the policy service's compiler. */
export const expression: Decoder<string> = andThen(text, (written, walk) =>
  written.length <= mostExpression
    ? written
    : refuse(walk, {
        code: 'too-long',
        message: `the expression has ${written.length} characters, the most is ${mostExpression}`,
        remedy: 'make several rules or instances of it',
      }),
);

/** The configuration of an adapter or template: any map; who it is for reads it. */
export const parameters: Decoder<Readonly<Record<string, unknown>>> = (value, walk) =>
  isMap(value) ? value : refuse(walk, wrongType('a map', value, 'write one "field: value" per line'));

export const noParameters: Readonly<Record<string, unknown>> = Object.freeze(plainMap<never>());

const referencePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,511}$/;

/** The name of another object: `NAME`, `NAME.NAMESPACE` or `NAME.KIND.NAMESPACE`. */
export const policyReference: Decoder<string> = andThen(text, (written, walk) =>
  referencePattern.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} is not the name of an object`,
        remedy: 'write NAME, or NAME.NAMESPACE for one of another namespace',
      }),
);

/** Which objects a reference may mean, the nearest first: a name may have dots of its own. */
export function policyReferences(
  reference: string,
  { kind, namespace }: { readonly kind: string; readonly namespace: string },
): readonly { readonly name: string; readonly namespace: string }[] {
  const own = { name: reference, namespace };
  const last = reference.lastIndexOf('.');
  if (last < 0) return [own];
  const before = reference.slice(0, last);
  const after = reference.slice(last + 1);
  const suffix = `.${kind}`;
  const bare = before.endsWith(suffix) ? before.slice(0, -suffix.length) : before;
  const ofKind = after === kind ? [{ name: before, namespace }] : [];
  return [own, { name: bare, namespace: after }, { name: before, namespace: after }, ...ofKind];
}

const attributePattern = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;

/** A complaint about the name of an attribute, or undefined. */
export const checkAttributeName = (name: string): Complaint | undefined =>
  name.length <= 256 && attributePattern.test(name)
    ? undefined
    : {
        code: 'invalid-name',
        message: `${quote(name)} cannot be the name of an attribute`,
        remedy: 'write words of letters, digits and "_", joined by dots: request.headers',
      };

/** `$out.` binds the outputs of an adapter to attributes. */
export const attributeExpressions = mapOf(expression, checkAttributeName, 1_000);

const languageAnnotation = 'policy.istio.io/lang';

/** Which language the expressions of an object are in, by its annotation; absent: Istio's own. */
export function readLanguage(walk: Walk): { readonly language?: 'cel' } | undefined {
  const written = walk.metadata.annotations[languageAnnotation];
  if (written === undefined || written === 'CEXL') return {};
  if (written === 'CEL') return { language: 'cel' };
  return refuseAnnotation(walk, languageAnnotation, 'CEL or CEXL');
}

export function refuseAnnotation(walk: Walk, name: string, words: string): undefined {
  const written = walk.metadata.annotations[name] ?? '';
  const message = `${quote(written)} is not one of the values it can have`;
  // From the manifest's top, wherever the decoder stands.
  const path = walk.path.splice(0);
  refuse(walk, { code: 'unknown-value', message, remedy: `write ${words}` }, 'metadata', 'annotations', name);
  walk.path.push(...path);
}

/** The names of valueType: `istio.policy.v1beta1.ValueType`. */
export const valueTypes = [
  'STRING',
  'INT64',
  'DOUBLE',
  'BOOL',
  'TIMESTAMP',
  'IP_ADDRESS',
  'EMAIL_ADDRESS',
  'URI',
  'DNS_NAME',
  'DURATION',
  'STRING_MAP',
] as const;

export type ValueTypeName = (typeof valueTypes)[number];
