// Routes of connections: TCP as it comes, and TLS by the server name its client asks for.
import { andThen, type Decoder, list, uint32 } from '../../decode/decoder.ts';
import { object, required, withDefault } from '../../decode/object.ts';
import { tcpMatch, tlsMatch } from './connection-match.ts';
import { destination, unwrittenWeight } from './destination.ts';
import { checkWeights } from './route.ts';
import type { TcpDestination, TcpMatchSpec, TcpRouteSpec, TlsRouteSpec } from './spec.ts';

const connectionDestination: Decoder<TcpDestination> = andThen(
  object({ destination: required(destination), weight: withDefault(uint32, unwrittenWeight) }),
  ({ destination: target, weight }): TcpDestination => ({ ...target, weight }),
);

const destinations = andThen(
  list(connectionDestination, { least: 1, most: 1_000 }),
  checkWeights<TcpDestination>,
);

export const tcpRoute: Decoder<TcpRouteSpec> = andThen(
  object({
    match: withDefault<readonly TcpMatchSpec[]>(list(tcpMatch, { most: 1_000 }), []),
    route: required(destinations),
  }),
  ({ match, route }): TcpRouteSpec => ({ matches: match, destinations: route }),
);

export const tlsRoute: Decoder<TlsRouteSpec> = andThen(
  object({ match: required(list(tlsMatch, { least: 1, most: 1_000 })), route: required(destinations) }),
  ({ match, route }): TlsRouteSpec => ({ matches: match, destinations: route }),
);
