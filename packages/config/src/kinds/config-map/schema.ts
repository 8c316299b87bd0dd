// ConfigMap: texts by name. In the one named `istio`, the key `mesh` holds the settings of the mesh as YAML.
import { andThen, type Decoder, mapOf, text } from '../../decode/decoder.ts';
import { withDefault } from '../../decode/object.ts';
import { type Complaint, formatPath, refuse, startWalk, type Walk } from '../../decode/walk.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { readContent } from '../../yaml/content.ts';
import { defineKind, manifestOf } from '../define.ts';
import { meshConfig } from './mesh-config.ts';
import type { ConfigMapSpec, MeshConfigSpec } from './spec.ts';

const checkKey = (key: string): Complaint | undefined =>
  key.length <= 253 && /^[\w.-]+$/.test(key) && !/^\.{1,2}$/.test(key)
    ? undefined
    : {
        code: 'invalid-key',
        message: 'is not a valid key of a ConfigMap',
        remedy: 'use letters, digits, "-", "_" and "."',
      };

const plainText: Decoder<string> = (value, walk) => (value === null ? '' : text(value, walk));

/** The name of the ConfigMap with the settings of the mesh, and the key in it. */
const meshName = 'istio';
const meshKey = 'mesh';

/** Problems inside the text are told with their place inside it. */
function readMesh(written: string, walk: Walk): MeshConfigSpec | undefined {
  const { value, problems } = readContent(written);
  const [broken] = problems;
  if (broken !== undefined) {
    const message = `${broken.message} in line ${broken.line}`;
    return refuse(
      walk,
      { code: 'invalid-yaml', message, remedy: 'write the settings of MeshConfig as YAML' },
      'data',
      meshKey,
    );
  }
  const inner = startWalk(walk.metadata);
  const decoded = meshConfig(value ?? emptyMap, inner);
  for (const { path, message, ...problem } of inner.problems) {
    const place = path.length === 0 ? '' : `${formatPath(path)}: `;
    walk.problems.push({ ...problem, message: `${place}${message}`, path: ['data', meshKey] });
  }
  return decoded;
}

function read({ data }: { readonly data: TextMap }, walk: Walk): ConfigMapSpec | undefined {
  const written = walk.metadata.name === meshName ? data[meshKey] : undefined;
  if (written === undefined) return { data };
  const mesh = readMesh(written, walk);
  return mesh === undefined ? undefined : { data, mesh };
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
