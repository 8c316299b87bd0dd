// UDP services as sidecars of explicit capture offer them: each at a port number of the sidecar's own address.
import { placeUdpServices, type UdpService } from '@xebec/envoy';
import { splitLayered } from '@xebec/model';
import type { ControlPlaneContext } from '../context.ts';

/** A UDP port of a service, and the number that stands for it. */
export interface ListedUdpService extends UdpService {
  readonly name: string;
  readonly namespace: string;
  readonly explicitPort: number;
}

/** What a namespace sees; only services with UDP ports are looked at. */
export function udpServices(
  { mesh }: Pick<ControlPlaneContext, 'mesh'>,
  namespace: string,
): readonly ListedUdpService[] {
  const seen = new Map<string, Omit<ListedUdpService, 'explicitPort'>>();
  for (const [key, { host, port }] of mesh.udpEndpointSets.entries()) {
    const { layer, name } = splitLayered(key);
    if (layer !== '*' && layer !== `ns:${namespace}`) continue;
    const service = mesh.services.get(`${layer}|${host}`) ?? mesh.services.get(`*|${host}`);
    if (service === undefined || (layer === '*' && seen.has(name))) continue;
    seen.set(name, { host, port: port.number, name: service.name, namespace: service.namespace });
  }
  return [...placeUdpServices([...seen.values()], new Set())].map(([explicitPort, service]) => ({
    ...service,
    explicitPort,
  }));
}
