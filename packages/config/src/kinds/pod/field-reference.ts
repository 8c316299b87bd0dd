// Fields of the running Pod that an environment variable may take.
import { andThen, type Decoder, oneOf, quote, text } from '../../decode/decoder.ts';
import { object, required, withDefault } from '../../decode/object.ts';
import { suggestion } from '../../decode/suggest.ts';
import { refuse } from '../../decode/walk.ts';
import { checkQualifiedName } from '../../values/names.ts';
import type { FieldReference } from './spec.ts';

const byPath: ReadonlyMap<string, FieldReference> = new Map([
  ['metadata.name', { kind: 'name' }],
  ['metadata.namespace', { kind: 'namespace' }],
  ['metadata.uid', { kind: 'uid' }],
  ['spec.serviceAccountName', { kind: 'serviceAccountName' }],
  ['spec.nodeName', { kind: 'nodeName' }],
  ['status.podIP', { kind: 'podIP' }],
  ['status.podIPs', { kind: 'podIPs' }],
  ['status.hostIP', { kind: 'hostIP' }],
]);

const keyed = /^metadata\.(label|annotation)s\['([^']{1,317})'\]$/;

const path: Decoder<FieldReference> = andThen(text, (written, walk) => {
  const known = byPath.get(written);
  if (known !== undefined) return known;
  const [, kind, key = ''] = keyed.exec(written) ?? [];
  if ((kind === 'label' || kind === 'annotation') && checkQualifiedName(key) === undefined)
    return { kind, key };
  return refuse(walk, {
    code: 'unknown-value',
    message: `${quote(written)} is not a field an environment variable can take`,
    remedy: suggestion(written, [...byPath.keys(), "metadata.labels['KEY']", "metadata.annotations['KEY']"]),
  });
});

/** `fieldRef`. */
export const fieldReference: Decoder<FieldReference> = andThen(
  object({ fieldPath: required(path), apiVersion: withDefault(oneOf('v1'), 'v1') }),
  ({ fieldPath }) => fieldPath,
);
