// Where requests go, with which share and which header changes.
import { andThen, type Decoder, list, uint32 } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { hostName } from '../../values/host.ts';
import { headerValues, removableHeader, requestHeaderValues } from '../../values/http.ts';
import { dnsLabel } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import type { DestinationRef, HeaderOperations, HeaderPolicy, RouteDestination } from './spec.ts';

const noOperations: HeaderOperations = Object.freeze({
  set: emptyMap,
  add: emptyMap,
  remove: Object.freeze([]),
});
export const noHeaders: HeaderPolicy = Object.freeze({ request: noOperations, response: noOperations });

const operationsWith = (values: typeof headerValues) =>
  object({
    set: withDefault<TextMap>(values, emptyMap),
    add: withDefault<TextMap>(values, emptyMap),
    remove: withDefault<readonly string[]>(list(removableHeader, { most: 1_000 }), []),
  });

export const headerPolicy: Decoder<HeaderPolicy> = object({
  request: withDefault<HeaderOperations>(operationsWith(requestHeaderValues), noOperations),
  response: withDefault<HeaderOperations>(operationsWith(headerValues), noOperations),
});

const destinationShape = {
  /** A wildcard is one that a ServiceEntry has: each request names its host. */
  host: required(hostName({ ip: true, wildcard: true })),
  subset: withDefault(dnsLabel, ''),
  port: optional(object({ number: required(port) })),
};

export const destination: Decoder<DestinationRef> = andThen(
  object(destinationShape),
  ({ port: written, ...value }: Decoded<typeof destinationShape>): DestinationRef =>
    written === undefined ? value : { ...value, port: written.number },
);

/** Weight −1 stands for "not written" until the number of destinations is known. */
export const unwrittenWeight = -1;

export const routeDestination: Decoder<RouteDestination> = andThen(
  object({
    destination: required(destination),
    weight: withDefault(uint32, unwrittenWeight),
    headers: withDefault<HeaderPolicy>(headerPolicy, noHeaders),
  }),
  ({ destination: target, weight, headers }): RouteDestination => ({ ...target, weight, headers }),
);
