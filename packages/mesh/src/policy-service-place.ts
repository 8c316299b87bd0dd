// Where the policy service is in the mesh. The rule: one name, of the root namespace; whatever else is called so is another service.
import type { Host } from '@xebec/model';

export { proxyProtocol } from '@xebec/policy';

/** The port that proxies and programs ask at by gRPC. */
export const policyServicePort = 15_004;

export const policyServiceHost = (rootNamespace: string, clusterDomain: string): Host =>
  `xebec-policy.${rootNamespace}.svc.${clusterDomain}`;
