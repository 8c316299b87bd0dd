// What Envoy says about groups of objects, each group in the small mesh; a refusal is led back to the fewest objects.
import { createValidation } from '../../../packages/envoy/src/testing/envoy-validation.ts';
import type { Group } from './spread.ts';
import type { Proving } from './translate.ts';

export interface Refused {
  readonly objects: Group;
  readonly complaint: string;
}

/** One bootstrap for all groups; `isNew` leaves out what was checked before. */
async function complaintAbout(
  groups: readonly Group[],
  { proving, envoy }: Judge,
): Promise<string | undefined> {
  const seen = new Set<string>();
  const validation = createValidation();
  for (const [i, group] of groups.entries()) {
    proving.with(group, (mesh) =>
      validation.add(`mesh${i}`, mesh, ({ hash }) => !seen.has(hash) && seen.add(hash).has(hash)),
    );
  }
  return await validation.run(envoy);
}

export interface Judge {
  readonly proving: Proving;
  readonly envoy: string;
}

/** The first refusal among the groups, made small; undefined when Envoy takes all. */
export async function findRefused(groups: readonly Group[], judge: Judge): Promise<Refused | undefined> {
  const complaint = await complaintAbout(groups, judge);
  if (complaint === undefined) return undefined;
  const named = groups[Number(/mesh(\d+)~/.exec(complaint)?.[1] ?? Number.NaN)];
  if (groups.length > 1) {
    const middle = groups.length >> 1;
    const halves = named === undefined ? [groups.slice(0, middle), groups.slice(middle)] : [[named]];
    return (await firstOf(halves, judge)) ?? { objects: groups.flat(), complaint };
  }
  const [objects = []] = groups;
  const singles = objects.length > 1 ? objects.map((object) => [[object]]) : [];
  return (await firstOf(singles, judge)) ?? { objects, complaint };
}

async function firstOf(parts: readonly (readonly Group[])[], judge: Judge): Promise<Refused | undefined> {
  for (const part of parts) {
    const refused = await findRefused(part, judge);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
