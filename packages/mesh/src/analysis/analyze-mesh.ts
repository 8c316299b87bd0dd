// Everything that is known to be wrong with a mesh: what the pipeline decided, and what shows only when all of it is looked at.
// Computed when somebody asks, from the model itself; a check is one line here.
import type { Conflict } from '../conflict.ts';
import { checkAnnotations } from './annotations.ts';
import { checkAuthorization } from './authorization.ts';
import { checkClaims } from './claims.ts';
import { decisions } from './decided.ts';
import { checkDestinationRules } from './destination-rules.ts';
import { checkEnvoyFilters } from './envoy-filters.ts';
import { checkGateways } from './gateways.ts';
import { checkMutualTls } from './mutual-tls.ts';
import { checkDeployments, checkPolicies } from './policies.ts';
import { checkPolicyService } from './policy-service.ts';
import { type AnalysisInput, buildScene, type Check, type Scene } from './scene.ts';
import { checkServiceEntries } from './service-entries.ts';
import { checkServices } from './services.ts';
import { checkConnections, checkOwnRules } from './shadowed.ts';
import { checkShares } from './shares.ts';
import { checkSidecars } from './sidecars.ts';
import { checkVirtualServices } from './virtual-services.ts';
import { checkWorkloadEntries } from './workload-entries.ts';

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
  checkWorkloadEntries,
  checkPolicies,
  checkPolicyService,
  checkAuthorization,
  checkClaims,
  checkSidecars,
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
    for (const conflict of outcomeOf(check, scene)) {
      const { code, object, field = '', message } = conflict;
      const id = `${code}|${object}|${field}|${isOneAtAField.has(code) ? '' : message}`;
      if (!found.has(id)) found.set(id, conflict);
    }
  }
  return [...found.values()];
}

/** One check that fails must not hide what the others find, nor refuse what somebody applies. */
function outcomeOf(check: Check, scene: Scene): readonly Conflict[] {
  try {
    return [...check(scene)];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [
      {
        code: 'check-failed',
        object: `Check//${check.name}`,
        message: `the check ${check.name} failed: ${reason.slice(0, 500)}`,
        remedy: 'report it, with what was analysed',
      },
    ];
  }
}
