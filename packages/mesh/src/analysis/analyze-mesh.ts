// Everything that is known to be wrong with a mesh: what the pipeline decided, and what shows only when all of it is looked at.
// Computed when somebody asks, from the model itself; a check is one line here.
import type { Conflict } from '../conflict.ts';
import { checkAnnotations } from './annotations.ts';
import { checkAuthorization } from './authorization.ts';
import { decisions } from './decided.ts';
import { checkDestinationRules } from './destination-rules.ts';
import { checkEnvoyFilters } from './envoy-filters.ts';
import { checkGateways } from './gateways.ts';
import { checkMutualTls } from './mutual-tls.ts';
import { checkDeployments, checkPolicies } from './policies.ts';
import { type AnalysisInput, buildScene, type Check } from './scene.ts';
import { checkServiceEntries } from './service-entries.ts';
import { checkServices } from './services.ts';
import { checkConnections, checkOwnRules } from './shadowed.ts';
import { checkShares } from './shares.ts';
import { checkVirtualServices } from './virtual-services.ts';

const checks: readonly Check[] = [
  decisions,
  checkVirtualServices,
  checkConnections,
  checkOwnRules,
  checkShares,
  checkDestinationRules,
  checkMutualTls,
  checkGateways,
  checkServices,
  checkServiceEntries,
  checkPolicies,
  checkAuthorization,
  checkDeployments,
  checkEnvoyFilters,
  checkAnnotations,
];

/** Found in several ways, told once. */
const isOneAtAField: ReadonlySet<string> = new Set(['rule-shadowed', 'connection-rule-shadowed']);

/** In the order of the checks; each finding once. */
export function analyzeMesh(input: AnalysisInput): readonly Conflict[] {
  const scene = buildScene(input);
  const found = new Map<string, Conflict>();
  for (const check of checks) {
    for (const conflict of check(scene)) {
      const { code, object, field = '', message } = conflict;
      const id = `${code}|${object}|${field}|${isOneAtAField.has(code) ? '' : message}`;
      if (!found.has(id)) found.set(id, conflict);
    }
  }
  return [...found.values()];
}
