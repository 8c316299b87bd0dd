// ConfigMap: texts by name. In the one named `istio`, the key `mesh` holds the settings of the mesh as YAML, `meshNetworks` its networks.
import { andThen, type Decoder, mapOf, text } from '../../decode/decoder.ts';
import { withDefault } from '../../decode/object.ts';
import { type Complaint, formatPath, refuse, startWalk, type Walk } from '../../decode/walk.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { readContent } from '../../yaml/content.ts';
import { defineKind, manifestOf } from '../define.ts';
import { meshConfig } from './mesh-config.ts';
import { meshNetworks } from './mesh-networks.ts';
import type { ConfigMapSpec } from './spec.ts';

const checkKey = (key: string): Complaint | undefined =>
  key.length <= 253 && /^[\w.-]+$/.test(key) && !/^\.{1,2}$/.test(key)
    ? undefined
    : {
        code: 'invalid-key',
        message: 'is not a valid key of a ConfigMap',
        remedy: 'use letters, digits, "-", "_" and "."',
      };

const plainText: Decoder<string> = (value, walk) => (value === null ? '' : text(value, walk));

/** The name of the ConfigMap with the settings of the mesh, and the keys in it. */
const meshName = 'istio';
const meshKey = 'mesh';
const networksKey = 'meshNetworks';

/** What a key of the ConfigMap holds. Problems inside the text are told with their place inside it. */
function readInside<T>(key: string, decoder: Decoder<T>, { data, walk }: Inside): T | undefined {
  const { value, problems } = readContent(data[key] ?? '');
  const [broken] = problems;
  if (broken !== undefined) {
    const message = `${broken.message} in line ${broken.line}`;
    const remedy = `write ${key === meshKey ? 'the settings of MeshConfig' : 'MeshNetworks'} as YAML`;
    return refuse(walk, { code: 'invalid-yaml', message, remedy }, 'data', key);
  }
  const inner = startWalk(walk.metadata);
  const decoded = decoder(value ?? emptyMap, inner);
  for (const { path, message, ...problem } of inner.problems) {
    const place = path.length === 0 ? '' : `${formatPath(path)}: `;
    walk.problems.push({ ...problem, message: `${place}${message}`, path: ['data', key] });
  }
  return decoded;
}

interface Inside {
  readonly data: TextMap;
  readonly walk: Walk;
}

function read({ data }: { readonly data: TextMap }, walk: Walk): ConfigMapSpec | undefined {
  if (walk.metadata.name !== meshName) return { data };
  const has = (key: string): boolean => data[key] !== undefined;
  const mesh = has(meshKey) ? readInside(meshKey, meshConfig, { data, walk }) : undefined;
  const networks = has(networksKey) ? readInside(networksKey, meshNetworks, { data, walk }) : undefined;
  if ((has(meshKey) && mesh === undefined) || (has(networksKey) && networks === undefined)) return undefined;
  return {
    data,
    ...(mesh === undefined ? {} : { mesh }),
    ...(networks === undefined ? {} : { meshNetworks: networks }),
  };
}

export const configMapKind = defineKind({
  kind: 'ConfigMap',
  group: '',
  versions: ['v1'],
  plural: 'configmaps',
  shortNames: ['cm'],
  isNamespaced: true,
  body: andThen(
    manifestOf(
      { data: withDefault<TextMap>(mapOf(plainText, checkKey), emptyMap) },
      { ignored: ['immutable', 'binaryData'], isTolerant: true },
    ),
    read,
  ),
});
