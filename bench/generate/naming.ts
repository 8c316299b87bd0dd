// Names and addresses of the generated mesh; a service's number decides all of them, so every process agrees without being told.

export const namespaceCount = 10;
export const endpointsPerService = 5;
/** Every tenth service has a VirtualService and a DestinationRule with two subsets. */
export const routedEvery = 10;

const tlsFreeDomain = 'example';

export const namespaceOf = (service: number): string => `ns-${service % namespaceCount}`;

export const shortNameOf = (service: number): string => `svc-${String(service).padStart(5, '0')}`;

export const hostOf = (service: number): string =>
  `${shortNameOf(service)}.${namespaceOf(service)}.${tlsFreeDomain}`;

/** Numbers 0, 11, 22, … so that every namespace has routed services. */
export const isRouted = (service: number): boolean =>
  Math.floor(service / namespaceCount) % routedEvery === service % routedEvery;

/** 10.0.0.0/9 holds the endpoints of 1.6 million services. */
export const endpointAddress = (service: number, position: number): string => {
  const value = service * endpointsPerService + position;
  return `10.${(value >> 16) & 127}.${(value >> 8) & 255}.${value & 255}`;
};

/** An address that no generated endpoint has; each change uses another one. */
export const changedAddress = (change: number): string =>
  `10.250.${100 + ((change >> 7) & 127)}.${100 + (change & 127)}`;

/** The name of a cluster of the service, in Istio's form. */
export const clusterOf = (service: number, subset = ''): string => `outbound|80|${subset}|${hostOf(service)}`;
