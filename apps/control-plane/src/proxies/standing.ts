// What the platform says of a proxy that says something of itself. The rule: what selects secrets is never a proxy's own word.
import type { PodSpec } from '@xebec/config';
import type { ProxyNode } from '@xebec/model';

/** A Pod as far as it tells about its proxy. */
export interface KnownPod {
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Pick<PodSpec, 'serviceAccountName'>;
}

/** `unknown`: there is no such Pod, or it is not what the proxy says; `stranger`: it is somebody else's. */
export type Standing = 'vouched' | 'unknown' | 'stranger';

/** Put on Pods with a sidecar by whoever injects it, and on no gateway's. */
const sidecarLabel = 'security.istio.io/tlsMode';
/** Said by proxies in addition to their Pod's labels; they name a workload in metrics and select nothing. */
const derivedLabels = /^service\.istio\.io\/canonical-/;

/** Of a proxy whose namespace and service account are proven. */
export function standingOf(proxy: ProxyNode, pod: KnownPod | undefined): Standing {
  if (pod === undefined) return 'unknown';
  if ((pod.spec.serviceAccountName || 'default') !== proxy.serviceAccount) return 'stranger';
  const isSidecar = Object.hasOwn(pod.labels, sidecarLabel);
  if (isSidecar && proxy.role === 'router') return 'unknown';
  const isSame = Object.entries(proxy.labels).every(
    ([name, value]) => derivedLabels.test(name) || pod.labels[name] === value,
  );
  return isSame ? 'vouched' : 'unknown';
}

/** The namespace in a node id of the form `ROLE~IP~POD.NAMESPACE~DOMAIN`; undefined in one of another form. */
export function namespaceOfId(id: string): string | undefined {
  const [, , workload] = id.split('~');
  if (workload === undefined) return undefined;
  const dot = workload.lastIndexOf('.');
  return dot < 0 ? undefined : workload.slice(dot + 1);
}
