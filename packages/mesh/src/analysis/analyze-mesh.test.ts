// The analysis as a whole: linear in the mesh, and a check that fails takes nothing with it.
import type { KindName, ObjectLookup, ObjectOf } from '@xebec/config';
import { expect, test } from 'vitest';
import { defaultSettings } from '../settings.ts';
import { createMesh, type MeshObject } from '../testing/mesh-fixture.ts';
import { destinationRule, forward, onPrefix, pod, service, virtualService } from '../testing/objects.ts';
import { analyzeMesh } from './analyze-mesh.ts';
import type { AnalysisInput } from './scene.ts';

const lookupOf = (objects: readonly MeshObject[]): ObjectLookup => ({
  list: <K extends KindName>(kind: K) =>
    objects.filter((object): object is MeshObject & ObjectOf<K> => object.kind === kind),
});

function inputOf(objects: readonly MeshObject[]): AnalysisInput {
  const { mesh, put } = createMesh();
  put(...objects);
  return { objects: lookupOf(objects), mesh, settings: defaultSettings, isWhole: true };
}

/** Services with two versions and rules for them, one after the other. */
function shop(count: number): readonly MeshObject[] {
  return Array.from({ length: count }, (_, at) => {
    const name = `app-${at}`;
    return [
      service(`shop/${name}`, { selector: { app: name } }),
      pod(`shop/${name}-1`, { app: name, version: 'v1' }, { ip: `10.0.${at >> 8}.${at & 255}` }),
      destinationRule(`shop/${name}`, { host: name, subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
      virtualService(`shop/${name}`, {
        hosts: [name],
        http: [forward([`${name}/v1`], { matches: [onPrefix('/a')] }), forward([`${name}/v9`])],
      }),
    ];
  }).flat();
}

const findsIn = (input: AnalysisInput): readonly string[] =>
  analyzeMesh(input).map(({ code, object, field = '' }) => `${code} ${object} ${field}`);

test('each mistake is found once', () => {
  expect(findsIn(inputOf(shop(2)))).toEqual([
    'destination-subset-unknown VirtualService/shop/app-0 spec.http[1].route[0].destination.subset',
    'destination-subset-unknown VirtualService/shop/app-1 spec.http[1].route[0].destination.subset',
  ]);
});

test('time grows with the mesh, not with its square', () => {
  const timeOf = (input: AnalysisInput): number => {
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      analyzeMesh(input);
      return performance.now() - start;
    });
    return Math.min(...times);
  };
  const [small, large] = [inputOf(shop(250)), inputOf(shop(1_000))];
  // Four times as much; a square would be sixteen times.
  expect(timeOf(large)).toBeLessThan(10 * timeOf(small) + 20);
});

test('a check that fails is told, and the others go on', () => {
  const input = inputOf(shop(1));
  const broken: AnalysisInput = {
    ...input,
    objects: {
      list: (kind) => {
        if (kind === 'PeerAuthentication') throw new Error('a mistake of ours');
        return input.objects.list(kind);
      },
    },
  };
  const found = analyzeMesh(broken);
  expect(found.map(({ code }) => code)).toEqual(['destination-subset-unknown', 'check-failed']);
  expect(found[1]?.message).toBe('the check checkPolicies failed: a mistake of ours');
});
