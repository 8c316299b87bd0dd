// Checks between objects: references to nothing. Warnings only, because the other object may still come.
import type { Diagnostic } from '@xebec/std';
import { checkDestinationRules } from './destination-rules.ts';
import { checkGateways } from './gateways.ts';
import { type AnalyzeOptions, defaultAnalyzeOptions, type ObjectLookup } from './lookup.ts';
import { buildScene } from './scene.ts';
import { checkSelectors } from './selectors.ts';
import { checkVirtualServices } from './virtual-services.ts';

/** Everything that refers to something that is not there. Pure; linear in the number of objects. */
export function analyze(
  lookup: ObjectLookup,
  options: AnalyzeOptions = defaultAnalyzeOptions,
): readonly Diagnostic[] {
  const scene = buildScene(lookup, options);
  checkVirtualServices(scene);
  checkDestinationRules(scene);
  checkGateways(scene);
  checkSelectors(scene);
  return scene.findings;
}
