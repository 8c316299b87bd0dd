// What the whole mesh says about objects: their findings, and how many proxies have them.
import { kindDefinitions } from '@xebec/config';
import type { Finding } from '@xebec/mesh';
import type { StoreObject } from '@xebec/store';
import { analyzePipeline } from '../analysis/analyze-pipeline.ts';
import type { ControlPlaneContext } from '../context.ts';
import { isKindName, type SeenObject } from './responses.ts';

/** By key; objects that the platform makes are not looked at. */
export function seenObjects(
  context: ControlPlaneContext,
  items: readonly StoreObject[],
): ReadonlyMap<string, SeenObject> {
  const keys = items.map(({ key }) => key).filter(isDeclared);
  if (keys.length === 0) return new Map();
  const findings = byObject(analyzePipeline(context, context.health.unwell()));
  return new Map(
    context.convergence.now(keys).map(({ key, targeted, acked, rejected }) => {
      const proxies = { targeted: targeted.length, programmed: acked.length, refused: rejected.length };
      return [key, { findings: findings.get(key) ?? [], proxies }] as const;
    }),
  );
}

function isDeclared(key: string): boolean {
  const [kind = ''] = key.split('/', 1);
  return isKindName(kind) && !kindDefinitions[kind].isRuntime;
}

function byObject(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.kind}/${finding.namespace}/${finding.name}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return groups;
}
