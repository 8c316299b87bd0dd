// How a Pod's proxy introduces itself, from the Pod's template and its place.
import { proxyConfigOf } from '../bootstrap/proxy-config.ts';
import type { CapturedWorkload } from '../capture/capture.ts';
import type { ProxyDescription } from '../envoy/proxy-description.ts';
import type { PodContext } from './pod-context.ts';
import { templateHashLabel } from './pod-manifest.ts';
import type { WorkloadTemplate } from './workload-template.ts';

/** `on-demand` or `eager`, for all Pods of a template; anything else is as if it were not there. */
const discoveryAnnotation = 'xebec.io/discovery';

export interface PodPlace {
  readonly name: string;
  readonly captured: CapturedWorkload;
  /** The Pod's own address. */
  readonly address: string;
  readonly hostPorts: Readonly<Record<number, number>>;
}

export function describeProxy(
  context: Pick<PodContext, 'capture' | 'gatewayCapture' | 'discovery' | 'mesh' | 'single'>,
  template: WorkloadTemplate,
  { name, captured, address, hostPorts }: PodPlace,
): ProxyDescription {
  const isGateway = template.gatewayPorts !== undefined;
  const workloadGroup = context.single?.workloadGroup;
  const proxyConfig = proxyConfigOf(template.annotations);
  return {
    role: isGateway ? 'router' : 'sidecar',
    namespace: template.namespace,
    name,
    workloadName: template.name,
    serviceAccount: template.body.serviceAccountName,
    labels: { ...template.labels, [templateHashLabel]: template.hash },
    containers: template.body.containers.map((container) => container.name),
    address,
    statusAddress: captured.address,
    applicationAddress: captured.applicationAddress,
    ...captureOf(context, captured, isGateway),
    discovery: isGateway ? 'eager' : discoveryOf(template, context.discovery),
    gatewayPorts: hostPorts,
    ...(workloadGroup === undefined ? {} : { workloadGroup }),
    ...(proxyConfig === undefined ? {} : { proxyConfig }),
    ...context.mesh,
  };
}

function captureOf(
  { capture, gatewayCapture }: Pick<PodContext, 'capture' | 'gatewayCapture'>,
  { mode, interception, ipv6Address }: CapturedWorkload,
  isGateway: boolean,
): Pick<ProxyDescription, 'capture' | 'interception' | 'ipv6Address'> {
  if (isGateway) return { capture: gatewayCapture.mode };
  return {
    capture: mode ?? capture.mode,
    ...(interception === undefined ? {} : { interception }),
    ...(ipv6Address === undefined ? {} : { ipv6Address }),
  };
}

function discoveryOf(
  { annotations }: WorkloadTemplate,
  otherwise: 'on-demand' | 'eager',
): 'on-demand' | 'eager' {
  const asked = annotations[discoveryAnnotation];
  return asked === 'eager' || asked === 'on-demand' ? asked : otherwise;
}

/** All that the proxy listens on for its application: datagrams of other sidecars come in connections, too. */
export const capturedPorts = ({ body }: WorkloadTemplate): readonly number[] => [
  ...new Set(
    body.containers
      .flatMap(({ ports }) => ports)
      .filter(({ transport }) => transport !== 'SCTP')
      .map(({ port }) => port),
  ),
];

export const applicationPorts = ({ body }: WorkloadTemplate): readonly number[] =>
  body.containers
    .flatMap(({ ports }) => ports)
    .filter(({ transport }) => transport === 'TCP')
    .map(({ port }) => port);
