// Goldens: what a person writes, and the model it becomes. UPDATE_GOLDENS=1 writes the models anew.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseDocuments, parseObject } from '@xebec/config';
import type { ProxyNode } from '@xebec/model';
import { expect, test } from 'vitest';
import { createMesh, everything, type MeshObject } from './testing/mesh-fixture.ts';
import { proxy } from './testing/objects.ts';

const folder = new URL('./goldens/', import.meta.url);
const cases = readdirSync(folder).flatMap((file) =>
  file.endsWith('.in.yaml') ? [file.slice(0, -'.in.yaml'.length)] : [],
);
const ofPlatform = new Set(['Namespace', 'ServiceAccount', 'Deployment']);

function readObjects(text: string, file: string): readonly MeshObject[] {
  const { objects, diagnostics } = parseDocuments(text, file);
  expect(diagnostics).toEqual([]);
  return objects.flatMap((raw) => {
    const result = parseObject(raw, { defaultNamespace: 'default' });
    if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('; '));
    return isOfMesh(result.value) ? [result.value] : [];
  });
}

const isOfMesh = (object: { readonly kind: string }): object is MeshObject => !ofPlatform.has(object.kind);

/** A proxy is what a comment `# proxy: {…}` says, everything else as usual. */
function readProxies(text: string): readonly ProxyNode[] {
  return [...text.matchAll(/^# proxy: (.*)$/gm)].map(([, json = '{}']) => {
    const options: ProxyNode = JSON.parse(json);
    return proxy(`${options.namespace}/${options.name}`, { ...options, id: options.name });
  });
}

/** The model as JSON, without collections that are empty. */
function modelOf(text: string, file: string): unknown {
  const { mesh, put, connect } = createMesh();
  connect(...readProxies(text));
  put(...readObjects(text, file));
  const filled = Object.entries(everything(mesh)).filter(([, rows]) => Object.keys(rows).length > 0);
  return JSON.parse(JSON.stringify(Object.fromEntries(filled)));
}

test.each(cases)('%s', (name) => {
  const input = new URL(`${name}.in.yaml`, folder);
  const output = new URL(`${name}.model.json`, folder);
  const model = modelOf(readFileSync(input, 'utf8'), `${name}.in.yaml`);
  if (process.env['UPDATE_GOLDENS'] === '1')
    writeFileSync(output, `${JSON.stringify(model, undefined, 2)}\n`);
  expect(existsSync(output), 'run with UPDATE_GOLDENS=1 and read what it wrote').toBe(true);
  expect(model).toEqual(JSON.parse(readFileSync(output, 'utf8')));
});
