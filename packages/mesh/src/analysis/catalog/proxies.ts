// What proxies are told beside routes: Sidecars, and filters that people add.
import type { FindingRule } from './finding-rule.ts';

export const proxies = [
  {
    code: 'IST0110',
    name: 'ConflictingSidecarWorkloadSelectors',
    severity: 'warning',
    meaning:
      'Several Sidecars select one workload. The first by name holds; the others have no effect there.',
    remedy: 'Select each workload once.',
    reasons: ['sidecars-select-same'],
  },
  {
    code: 'IST0111',
    name: 'MultipleSidecarsWithoutWorkloadSelectors',
    severity: 'warning',
    meaning: 'Several Sidecars of one namespace have no selector. The first by name holds.',
    remedy: 'Make them one, or give all but one a selector.',
    reasons: ['sidecars-without-selector'],
  },
  {
    code: 'IST0151',
    name: 'EnvoyFilterUsesRelativeOperation',
    severity: 'info',
    meaning:
      'The patch is placed relative to something that another EnvoyFilter may add or remove, and none says by priority which comes first; then they are applied in order of their names.',
    remedy: 'Write spec.priority, or use INSERT_FIRST.',
    reasons: ['patch-order-open'],
  },
  {
    code: 'IST0152',
    name: 'EnvoyFilterUsesReplaceOperationIncorrectly',
    severity: 'error',
    meaning: 'REPLACE cannot be done to what the patch is applied to.',
    remedy: 'Use MERGE, or replace a filter or virtual host.',
    reasons: ['patch-replace'],
  },
  {
    code: 'IST0153',
    name: 'EnvoyFilterUsesAddOperationIncorrectly',
    severity: 'error',
    meaning: 'ADD cannot be done to what the patch is applied to.',
    remedy: 'Use MERGE; routes are inserted with INSERT_FIRST, INSERT_BEFORE or INSERT_AFTER.',
    reasons: ['patch-add'],
  },
  {
    code: 'IST0154',
    name: 'EnvoyFilterUsesRemoveOperationIncorrectly',
    severity: 'error',
    meaning: 'REMOVE cannot be done to what the patch is applied to.',
    remedy: 'Remove what contains it, or use MERGE.',
    reasons: ['patch-remove'],
  },
  {
    code: 'XB0302',
    name: 'RefusedByEnvoy',
    severity: 'error',
    meaning:
      'Envoy, or a proxy, refuses what is made of the object (or it could not be checked): its last good value stays in force, or nothing of it.',
    remedy: "Correct the value; the message has Envoy's words.",
    reasons: ['refused-by-envoy', 'refused-by-proxy', 'cannot-verify'],
  },
  {
    code: 'XB0701',
    name: 'SelectorOfRootNamespace',
    severity: 'warning',
    meaning:
      'A Sidecar or ProxyConfig of the root namespace has a selector that fits workloads of other namespaces. With a selector it holds for workloads of the root namespace only.',
    remedy: 'Write it in the namespace of the workloads, or without a selector for the whole mesh.',
    reasons: ['selects-in-root-only'],
  },
  {
    code: 'XB0702',
    name: 'UnknownSidecarImport',
    severity: 'warning',
    meaning: 'A Sidecar imports a host that is not there, or not on that port: nothing can be reached by it.',
    remedy: 'Write the namespace of the Service or ServiceEntry and its whole host name.',
    reasons: ['import-unknown'],
  },
  {
    code: 'XB0703',
    name: 'UnreachedIngressPort',
    severity: 'warning',
    meaning:
      'A Sidecar accepts traffic on a port that no Service leads to, and on no other ports: its number is that of targetPort.',
    remedy: 'Write the targetPort of the Service.',
    reasons: ['ingress-port-unreached'],
  },
] as const satisfies readonly FindingRule[];
