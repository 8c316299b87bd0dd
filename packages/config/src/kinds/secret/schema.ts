// Secret: data decoded from base64; a TLS secret must hold both its parts.
import { andThen, text } from '../../decode/decoder.ts';
import { type Decoded, optional, withDefault } from '../../decode/object.ts';
import type { Complaint } from '../../decode/walk.ts';
import { base64 } from '../../values/base64.ts';
import { emptyMap, plainMap } from '../../values/plain-map.ts';
import { secretMap, secretText } from '../../values/secret-text.ts';
import { defineKind, manifestOf } from '../define.ts';
import type { SecretSpec } from './spec.ts';
import { checkParts } from './validate.ts';

const checkKey = (key: string): Complaint | undefined =>
  key.length <= 253 && /^[\w.-]+$/.test(key) && !/^\.{1,2}$/.test(key)
    ? undefined
    : {
        code: 'invalid-key',
        message: 'is not a valid key of a Secret',
        remedy: 'use letters, digits, "-", "_" and "."',
      };

const shape = {
  type: withDefault(text, 'Opaque'),
  data: withDefault<Readonly<Record<string, Uint8Array>>>(secretMap(base64, checkKey), emptyMap),
  stringData: optional(secretMap(secretText, checkKey)),
};

function merge({ type, data, stringData = {} }: Decoded<typeof shape>): SecretSpec {
  const all = plainMap<Uint8Array>();
  for (const key of Object.keys(data)) all[key] = data[key] ?? new Uint8Array();
  const encoder = new TextEncoder();
  for (const key of Object.keys(stringData)) all[key] = encoder.encode(stringData[key]);
  return { type, data: all };
}

export const secretKind = defineKind({
  kind: 'Secret',
  group: '',
  versions: ['v1'],
  plural: 'secrets',
  shortNames: [],
  isNamespaced: true,
  body: andThen(manifestOf(shape, { ignored: ['immutable'], isTolerant: true }), (value, walk) =>
    checkParts(merge(value), walk),
  ),
});
