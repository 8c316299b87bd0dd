// One encoded resource: made once, shared by every proxy whose layers hold it.
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import type { Cause, HostOwner } from '@xebec/model';
import { encode, typeUrl } from '@xebec/protos';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import { ClusterLoadAssignmentSchema } from '@xebec/protos/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { hashBytes } from '@xebec/std';

export const typeUrls = {
  listener: typeUrl(ListenerSchema),
  route: typeUrl(RouteConfigurationSchema),
  virtualHost: typeUrl(VirtualHostSchema),
  cluster: typeUrl(ClusterSchema),
  endpoint: typeUrl(ClusterLoadAssignmentSchema),
  secret: typeUrl(SecretSchema),
  extension: typeUrl(TypedExtensionConfigSchema),
} as const;

export interface ResourceReference {
  readonly typeUrl: string;
  readonly name: string;
}

/** The shape that the xDS server serves; see `@xebec/xds`. */
export interface EncodedResource {
  readonly name: string;
  /** Content hash; the version clients see. */
  readonly hash: string;
  readonly chunks: readonly Uint8Array[];
  readonly aliases: readonly string[];
  readonly needs: readonly ResourceReference[];
  readonly causes: readonly string[];
  /** There is to be no such resource, whatever less specific layers say. */
  readonly isAbsent?: true;
  /** Who owns the hosts behind it, for clients that see some of them only: `PORT NAMESPACE/HOST`. Absent: everybody sees it. */
  readonly owners?: readonly HostOwner[];
}

/** `LAYER|NAME`. */
export type ResourceKey = `${string}|${string}`;
export type Emission = readonly [ResourceKey, EncodedResource];

/** Some fields of a message, to be spread into its init object. */
export type Fields<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, MessageShape<Desc>>;

export interface ResourceOptions {
  readonly aliases?: readonly string[];
  readonly needs?: readonly ResourceReference[];
  readonly causes?: readonly Cause[];
  readonly owners?: readonly HostOwner[];
}

/** Encodes a message under a name. */
export function encodeResource<Desc extends DescMessage>(
  schema: Desc,
  init: MessageInitShape<Desc>,
  options: ResourceOptions & { readonly name: string },
): EncodedResource {
  const bytes = encode(schema, create(schema, init));
  return {
    name: options.name,
    hash: hashBytes(bytes),
    chunks: [bytes],
    aliases: options.aliases ?? [],
    needs: options.needs ?? [],
    causes: (options.causes ?? []).map(causeText),
    ...(options.owners === undefined ? {} : { owners: options.owners }),
  };
}

/** Equal content is no change, whoever computed it. Needs and aliases follow from content and layer. */
export function equalResources(left: EncodedResource, right: EncodedResource): boolean {
  return (
    left.hash === right.hash &&
    left.aliases.join() === right.aliases.join() &&
    left.needs.length === right.needs.length &&
    left.causes.join() === right.causes.join() &&
    left.owners?.join() === right.owners?.join() &&
    left.needs.every((need, i) => need.name === right.needs[i]?.name)
  );
}

/** `VirtualService/default/reviews#spec.http[0]`. */
export function causeText(cause: Cause): string {
  return cause.field === undefined ? cause.object : `${cause.object}#${cause.field}`;
}
