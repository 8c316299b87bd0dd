// Objects as people read them: plain JSON and YAML, fields in Kubernetes' usual order.
import { stringify } from 'yaml';
import type { ConfigObject } from '../types.ts';
import { isMap } from '../values/plain-map.ts';

const first = ['apiVersion', 'kind', 'metadata', 'type', 'spec', 'data', 'stringData'];
const last = ['status'];

/** The manifest as plain JSON data: a deep copy, in a stable order of its top-level fields. */
export function toManifest(object: Pick<ConfigObject, 'manifest'>): Record<string, unknown> {
  const { manifest } = object;
  const rest = Object.keys(manifest).filter((key) => !first.includes(key) && !last.includes(key));
  const copy: Record<string, unknown> = {};
  for (const key of [...first, ...rest, ...last]) {
    if (Object.hasOwn(manifest, key)) copy[key] = copyPlain(manifest[key]);
  }
  return copy;
}

function copyPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyPlain);
  if (!isMap(value)) return value;
  // fromEntries defines own properties: `__proto__` stays a key.
  return Object.fromEntries(Object.keys(value).map((key) => [key, copyPlain(value[key])]));
}

/** YAML of plain data: block style, two spaces, no anchors, texts that other tools would misread in quotes. */
export function toYaml(value: unknown): string {
  return stringify(value, {
    aliasDuplicateObjects: false,
    compat: 'yaml-1.1',
    indent: 2,
    lineWidth: 0,
    singleQuote: false,
  });
}

/** Several manifests as one YAML stream. */
export const toYamlStream = (values: readonly unknown[]): string => values.map(toYaml).join('---\n');
