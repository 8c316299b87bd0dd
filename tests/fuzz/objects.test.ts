// Objects of every kind, made up from its description: taken or refused with a word; what is taken becomes what Envoy takes.
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kinds, type RawObject } from '../../packages/config/src/index.ts';
import { findEnvoy } from '../../packages/envoy/src/testing/envoy-validation.ts';
import { findRefused } from './support/envoy-verdict.ts';
import { type Accepted, judge, judgeValue } from './support/judge.ts';
import { objectMaker } from './support/make-object.ts';
import { isRare } from './support/odd-values.ts';
import { diceOf, runs, seed, tape } from './support/settings.ts';
import { type Group, spread } from './support/spread.ts';
import { createProving, sharedDomains } from './support/translate.ts';

/** Kinds that become nothing by themselves. */
const inert = new Set(['Namespace', 'ServiceAccount', 'Deployment', 'Job']);
const accepted: Accepted[] = [];
const objectsInMesh = 16;

describe.each(kinds)('[B01] any $kind', (kind) => {
  const makeObject = objectMaker(kind);
  test('is taken, or refused with a place and a remedy', () => {
    fc.assert(
      fc.property(tape, (choices) => {
        const dice = diceOf(choices);
        const isText = isRare(dice, 6);
        const text = JSON.stringify(makeObject(dice)) ?? '';
        const judged = isText ? judge(text) : judgeValue(JSON.parse(text));
        expect(judged.faults, text).toEqual([]);
        accepted.push(...judged.accepted);
      }),
      { numRuns: runs, seed },
    );
  }, 120_000);
});

const meshes = (): readonly Group[] =>
  spread(
    accepted.filter(({ object }) => !inert.has(object.kind)),
    objectsInMesh,
  );

const isPatch = ({ value }: RawObject): boolean => Reflect.get(Object(value), 'kind') === 'EnvoyFilter';

/** What somebody patches in is judged by Envoy before it is sent, not here. */
const withoutPatches = (groups: readonly Group[]): readonly Group[] =>
  groups.map((group) => group.filter((raw) => !isPatch(raw)));

const textOf = (group: Group): string => group.map(({ value }) => JSON.stringify(value)).join('\n---\n');
const proving = createProving();

describe('[B01] whatever was taken', () => {
  test('becomes resources without an exception', () => {
    const groups = meshes();
    expect(groups.length).toBeGreaterThan(runs / 5);
    for (const group of groups) {
      if (proving.with(group).length === 0) continue;
      for (const one of group) expect(proving.with([one]), textOf([one])).toEqual([]);
      expect(proving.with(group), textOf(group)).toEqual([]);
    }
  }, 300_000);

  test('gives every domain of a proxy to one virtual host', () => {
    // Looking at all that a proxy sees costs more than making it: some meshes are enough.
    for (const group of withoutPatches(meshes()).filter((_group, i) => i % 10 === 0)) {
      const look = (objects: Group) => {
        const faults: string[] = [];
        proving.with(objects, (mesh) => faults.push(...sharedDomains(mesh)));
        return faults;
      };
      if (look(group).length === 0) continue;
      for (const one of group) expect(look([one]), textOf([one])).toEqual([]);
      expect(look(group), textOf(group)).toEqual([]);
    }
  }, 300_000);

  const envoy = findEnvoy();
  test.skipIf(envoy === undefined)(
    'is taken by Envoy (set ENVOY_PATH if none was found)',
    async () => {
      const groups = withoutPatches(meshes());
      for (let at = 0; at < groups.length; at += 100) {
        const refused = await findRefused(groups.slice(at, at + 100), { proving, envoy: envoy ?? '' });
        expect(refused?.complaint, textOf(refused?.objects ?? [])).toBeUndefined();
      }
    },
    300_000,
  );
});

afterAll(() => accepted.splice(0));
