// What must hold between the subsets of a DestinationRule.
import { refuse, type Walk } from '../../decode/walk.ts';
import type { SubsetSpec } from './spec.ts';

export function checkSubsets(subsets: readonly SubsetSpec[], walk: Walk): readonly SubsetSpec[] | undefined {
  const seen = new Set<string>();
  let isGood = true;
  for (const [index, { name }] of subsets.entries()) {
    if (seen.has(name)) {
      isGood = false;
      const message = `two subsets are named "${name}"`;
      refuse(walk, { code: 'duplicate', message, remedy: 'rename or merge them' }, index, 'name');
    }
    seen.add(name);
  }
  return isGood ? subsets : undefined;
}
