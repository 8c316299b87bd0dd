// What a connection must look like for a `tcp` or `tls` route to take it.
import { andThen, type Decoder, list } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { ipAddressOrBlock } from '../../values/address.ts';
import { hostName } from '../../values/host.ts';
import { dnsLabel } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { gatewayReference } from './match.ts';
import type { TcpMatchSpec, TlsMatchSpec } from './spec.ts';

const shape = {
  destinationSubnets: withDefault<readonly string[]>(list(ipAddressOrBlock, { most: 1_000 }), []),
  port: optional(port),
  sourceLabels: withDefault<TextMap>(labels, emptyMap),
  sourceNamespace: optional(dnsLabel),
  gateways: withDefault<readonly string[]>(list(gatewayReference, { most: 1_000 }), []),
};

/** Istio hides `sourceSubnet` from its documentation and does nothing with it. */
const rules = { later: ['sourceSubnet'] };

export const tcpMatch: Decoder<TcpMatchSpec> = object(shape, rules);

const serverName = hostName({ wildcard: true, any: true });

export const tlsMatch: Decoder<TlsMatchSpec> = andThen(
  object({ ...shape, sniHosts: required(list(serverName, { least: 1, most: 1_000 })) }, rules),
  (match) => match,
);
