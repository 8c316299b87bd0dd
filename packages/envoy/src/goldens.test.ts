// Goldens: what a person writes, and the Envoy resources it becomes. UPDATE_GOLDENS=1 writes them anew.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toYaml } from '@xebec/config';
import { expect, test } from 'vitest';
import { resourcesOf, type TypeName, typeNames } from './testing/config-mesh.ts';
import { createValidation, findEnvoy } from './testing/envoy-validation.ts';
import { type GoldenCase, type GoldenOptions, readGolden } from './testing/golden-case.ts';
import { brief, readable } from './testing/readable.ts';

const sources = fileURLToPath(new URL('.', import.meta.url));
const isUpdate = process.env['UPDATE_GOLDENS'] === '1';
const cases = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .filter((file) => /[/\\]goldens[/\\].*\.in\.yaml$/.test(file))
  .map((file) => file.slice(0, -'.in.yaml'.length))
  .sort();

const read = (name: string): GoldenCase =>
  readGolden(readFileSync(`${sources}${name}.in.yaml`, 'utf8'), `${name}.in.yaml`);

/** The resources of one type that the case is about, as YAML; undefined when it is about none. */
function shown({ options, mesh }: GoldenCase, type: TypeName): string | undefined {
  const wanted = options.show[type];
  if (wanted === undefined) return undefined;
  const chosen = resourcesOf(mesh, type).filter(([key]) => wanted.some((part) => key.includes(part)));
  return toYaml(
    Object.fromEntries(
      chosen.map(([key, resource, typeUrl]) => [key, show(options, readable(typeUrl, resource))]),
    ),
  );
}

const show = ({ telemetry = false }: GoldenOptions, resource: unknown): unknown =>
  telemetry ? resource : brief(resource);

const types: readonly TypeName[] = ['clusters', 'endpoints', 'listeners', 'routes', 'secrets', 'extensions'];

test.each(cases)('[MG-6] %s', (name) => {
  const golden = read(name);
  expect(golden.mesh.graph.errors()).toEqual([]);
  expect(Object.keys(golden.options.show).filter((type) => !Object.hasOwn(typeNames, type))).toEqual([]);
  for (const type of types) {
    const file = `${sources}${name}.${type}.yaml`;
    const text = shown(golden, type);
    if (isUpdate) write(file, text);
    expect(existsSync(file) ? readFileSync(file, 'utf8') : undefined, file).toBe(text);
  }
});

function write(file: string, text: string | undefined): void {
  if (text === undefined) rmSync(file, { force: true });
  else writeFileSync(file, text);
}

test('every input is short', () => {
  const long = cases.filter(
    (name) => readFileSync(`${sources}${name}.in.yaml`, 'utf8').split('\n').length > 41,
  );
  expect(long).toEqual([]);
});

const envoyPath = findEnvoy();

test.skipIf(envoyPath === undefined)(
  '[MG-6] Envoy takes all of them (set ENVOY_PATH if none was found)',
  async () => {
    const validation = createValidation();
    for (const name of cases) validation.add(name, read(name).mesh);
    expect(await validation.run(envoyPath ?? '')).toBeUndefined();
  },
  60_000,
);
