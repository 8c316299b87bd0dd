// Parts of a resource that Envoy judges one by one, each with what caused it: the virtual hosts of a route configuration, else the resource itself.
import { fromBinary, type JsonValue } from '@bufbuild/protobuf';
import { encode } from '@xebec/protos';
import { type VirtualHost, VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { hashBytes } from '@xebec/std';
import { concatenate } from '../patches/patch-resource.ts';
import { type EncodedResource, typeUrls } from '../resource.ts';

export interface ResourcePiece {
  readonly typeUrl: string;
  /** Unlike those of the other pieces of the resource; the same after a change of the content. */
  readonly id: string;
  readonly hash: string;
  readonly bytes: Uint8Array;
  /** `VirtualService/default/reviews#spec.http[0]`. */
  readonly causes: readonly string[];
}

export function piecesOf(typeUrl: string, resource: EncodedResource): readonly ResourcePiece[] {
  const bytes = concatenate(resource.chunks);
  const whole = { typeUrl, id: '', hash: resource.hash, bytes, causes: resource.causes };
  if (typeUrl !== typeUrls.route) return [whole];
  const { virtualHosts } = fromBinary(RouteConfigurationSchema, bytes);
  return virtualHosts.length < 2 ? [whole] : virtualHosts.map(pieceOfHost);
}

function pieceOfHost(host: VirtualHost): ResourcePiece {
  const bytes = encode(VirtualHostSchema, host);
  const causes = host.routes.flatMap(({ metadata }) =>
    textsIn(metadata?.filterMetadata['xebec']?.['causes']),
  );
  return {
    typeUrl: typeUrls.virtualHost,
    id: host.domains.join(),
    hash: hashBytes(bytes),
    bytes,
    causes: [...new Set(causes)],
  };
}

const textsIn = (value: JsonValue | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
