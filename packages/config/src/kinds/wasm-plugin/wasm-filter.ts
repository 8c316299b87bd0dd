// The fields of a Wasm filter: where its module is, what it is told, and what happens without it.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { andThen, type Decoder, list, oneOf, quote, text, wrongType } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { dnsSubdomain } from '../../values/names.ts';
import { emptyMap, isMap, plainMap } from '../../values/plain-map.ts';
import { moduleUrl, readImageReference } from './module-url.ts';
import type { EnvironmentSpec, WasmFilterSpec } from './spec.ts';

const json: Decoder<JsonObject> = (value, walk) =>
  isMap(value) ? (plainJson(value) as JsonObject) : refuse(walk, wrongType('a map', value));

/** As protobuf-es takes it: maps with a prototype. */
function plainJson(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(plainJson);
  if (!isMap(value)) return value as JsonValue;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainJson(inner)]));
}

const bounded = (most: number): Decoder<string> =>
  andThen(text, (value, walk) =>
    value.length <= most
      ? value
      : refuse(walk, {
          code: 'too-long',
          message: `has ${value.length} characters, the most is ${most}`,
          remedy: 'write less',
        }),
  );

const digest: Decoder<string> = andThen(text, (value, walk) =>
  value === '' || /^[a-f0-9]{64}$/.test(value)
    ? value
    : refuse(walk, {
        code: 'invalid-digest',
        message: `${quote(value)} is not a SHA-256 sum`,
        remedy: 'write its 64 digits 0-9 and a-f, without "sha256:"',
      }),
);

/** What the control plane tells the agent by, in the same place. */
const reservedPrefix = 'ISTIO_META_WASM_';

const variableName: Decoder<string> = andThen(bounded(256), (name, walk) => {
  const isGood = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
  if (isGood && !name.startsWith(reservedPrefix)) return name;
  return refuse(walk, {
    code: 'invalid-name',
    message: isGood ? `names with ${reservedPrefix} are taken` : `${quote(name)} is not a variable's name`,
    remedy: 'use letters, digits and "_"; start with a letter or "_"',
  });
});

const variable = andThen(
  object({
    name: required(variableName),
    valueFrom: withDefault(oneOf('INLINE', 'HOST'), 'INLINE'),
    value: optional(bounded(2_048)),
  }),
  (value, walk) =>
    value.valueFrom === 'HOST' && value.value !== undefined
      ? refuse(
          walk,
          {
            code: 'conflicting-fields',
            message: 'value and valueFrom: HOST exclude each other',
            remedy: 'keep one',
          },
          'value',
        )
      : value,
);

const nothing: EnvironmentSpec = Object.freeze({ fromHost: [], inline: emptyMap });

const environment = andThen(list(variable, { most: 256 }), (variables, walk): EnvironmentSpec | undefined => {
  const names = variables.map(({ name }) => name);
  const twice = names.findIndex((name, at) => names.indexOf(name) < at);
  if (twice >= 0) {
    const message = `${quote(names[twice] ?? '')} is there twice`;
    return refuse(walk, { code: 'duplicate', message, remedy: 'remove one' }, twice, 'name');
  }
  const inline = plainMap<string>();
  for (const { name, valueFrom, value } of variables) if (valueFrom === 'INLINE') inline[name] = value ?? '';
  return { fromHost: names.filter((_, at) => variables[at]?.valueFrom === 'HOST'), inline };
});

const vmConfig = andThen(
  object({ env: withDefault<EnvironmentSpec>(environment, nothing) }),
  ({ env }) => env,
);

export const wasmShape = {
  url: required(moduleUrl),
  sha256: withDefault(digest, ''),
  imagePullPolicy: withDefault(oneOf('UNSPECIFIED_POLICY', 'IfNotPresent', 'Always'), 'UNSPECIFIED_POLICY'),
  imagePullSecret: optional(dnsSubdomain),
  pluginConfig: optional(json),
  pluginName: withDefault(bounded(256), ''),
  failStrategy: withDefault(oneOf('FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD'), 'FAIL_CLOSE'),
  vmConfig: withDefault<EnvironmentSpec>(vmConfig, nothing),
  type: withDefault(oneOf('UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK'), 'HTTP'),
};

/** Fields that the standard has and nobody implements. */
export const laterWasmFields = ['verificationKey'];

export function wasmFilterOf(value: Decoded<typeof wasmShape>, walk: Walk): WasmFilterSpec | undefined {
  const { url, type, pluginConfig, imagePullSecret, pluginName, failStrategy, vmConfig: variables } = value;
  const image = url.startsWith('oci://') ? readImageReference(url.slice('oci://'.length)) : undefined;
  if (image?.digest !== undefined && value.sha256 !== '' && image.digest !== value.sha256) {
    const message = 'the digest in the URL is another one';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep the right one' }, 'sha256');
  }
  if (imagePullSecret !== undefined && image === undefined) {
    const message = 'credentials are for registries only: the module does not come from one';
    caution(walk, { code: 'field-has-no-effect', message, remedy: 'remove it' }, 'imagePullSecret');
  }
  const sha256 = value.sha256 === '' ? undefined : value.sha256;
  return {
    kind: 'wasm',
    type: type === 'NETWORK' ? 'NETWORK' : 'HTTP',
    url,
    ...(sha256 === undefined ? {} : { sha256 }),
    imagePullPolicy: pullPolicy(value, image),
    ...(imagePullSecret === undefined ? {} : { imagePullSecret }),
    ...(pluginConfig === undefined ? {} : { pluginConfig }),
    pluginName,
    failStrategy,
    environment: variables,
  };
}

/** As Kubernetes: the tag `latest` moves. */
function pullPolicy(
  { imagePullPolicy, sha256 }: Decoded<typeof wasmShape>,
  image: ReturnType<typeof readImageReference>,
): WasmFilterSpec['imagePullPolicy'] {
  if (sha256 !== '' || image?.digest !== undefined) return 'IfNotPresent';
  if (imagePullPolicy !== 'UNSPECIFIED_POLICY') return imagePullPolicy;
  return image !== undefined && (image.tag ?? 'latest') === 'latest' ? 'Always' : 'IfNotPresent';
}
