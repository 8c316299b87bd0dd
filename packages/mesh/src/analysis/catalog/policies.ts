// Policies, and rules of the policy service: whom they are about, and what they need.
import type { FindingRule } from './finding-rule.ts';

export const policies = [
  {
    code: 'IST0127',
    name: 'NoMatchingWorkloadsFound',
    severity: 'warning',
    meaning: 'A selector fits no workload: the object has no effect.',
    remedy: 'Correct the labels, or deploy such a workload.',
    reasons: ['selects-nothing'],
  },
  {
    code: 'IST0167',
    name: 'IneffectivePolicy',
    severity: 'warning',
    meaning: 'A policy, or a part of it, has no effect: another one takes its place, or nobody has its port.',
    remedy: 'Remove one of them, let them select different workloads, or write the port of the container.',
    reasons: ['peer-authentication-ignored', 'peer-port-unused', 'policy-shadowed'],
  },
  {
    code: 'XB0201',
    name: 'MutualTlsMismatch',
    severity: 'error',
    meaning:
      'Clients are told not to use mutual TLS of the mesh where the server insists on it, or the other way round.',
    remedy:
      'Remove tls from the DestinationRule (mutual TLS is automatic), or change the PeerAuthentication.',
    reasons: ['mtls-mismatch'],
  },
  {
    code: 'XB0301',
    name: 'MatchesNothing',
    severity: 'error',
    meaning:
      'A patch of an EnvoyFilter, or the filter of an extension, fits nothing that any of its proxies has.',
    remedy: 'Correct the match, or remove the patch.',
    reasons: ['matches-nothing'],
  },
  {
    code: 'XB0602',
    name: 'UnknownProvider',
    severity: 'error',
    meaning:
      'An AuthorizationPolicy with the action CUSTOM names a provider that the mesh does not have, or that cannot be asked. Whatever the policy matches is refused.',
    remedy:
      'Add the provider to extensionProviders of the ConfigMap of the mesh, with a service that is there.',
    reasons: ['provider-unknown'],
  },
  {
    code: 'XB0801',
    name: 'PolicyReferenceNotFound',
    severity: 'error',
    meaning: 'A rule or spec of the policy service names a handler, instance or spec that is not there.',
    remedy: 'Correct the name (NAME.NAMESPACE for another namespace), or add what is missing.',
    reasons: ['policy-handler-unknown', 'policy-instance-unknown', 'policy-spec-unknown'],
  },
  {
    code: 'XB0802',
    name: 'PolicyObjectUnused',
    severity: 'info',
    meaning: 'A handler or instance of the policy service that no rule and no QuotaSpec names.',
    remedy: 'Name it in a rule, or remove it.',
    reasons: ['policy-object-unused'],
  },
  {
    code: 'XB0803',
    name: 'PolicySpecUnbound',
    severity: 'warning',
    meaning: 'A QuotaSpec or HTTPAPISpec that no binding names: it has no effect.',
    remedy: 'Add a QuotaSpecBinding or HTTPAPISpecBinding.',
    reasons: ['policy-spec-unbound'],
  },
] as const satisfies readonly FindingRule[];
