// Prints messages as canonical protobuf JSON, the content of every Any included; for tools, never for the hot path.
// The descriptors come from the caller, who alone does I/O.
import {
  createFileRegistry,
  createRegistry,
  type DescMessage,
  fromBinary,
  type MessageShape,
  type Registry,
  toJsonString,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { file_istio_networking_nds_v1_nds } from '@xebec/protos/istio/networking/nds/v1/nds_pb';
import { file_istio_v1_auth_ca } from '@xebec/protos/istio/v1/auth/ca_pb';

/**
 * The registry of every message type, built at the first call of the function it returns.
 * `readDescriptors` gives the bytes of `descriptors/envoy.binpb`.
 */
export function apiRegistry(readDescriptors: () => Uint8Array): () => Registry {
  let built: Registry | undefined;
  return () => {
    built ??= buildRegistry(readDescriptors());
    return built;
  };
}

function buildRegistry(descriptors: Uint8Array): Registry {
  const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  return createRegistry(files, file_istio_networking_nds_v1_nds, file_istio_v1_auth_ca);
}

/** The message as indented canonical JSON. Throws when an Any holds a type the registry does not know. */
export function toJsonText<Desc extends DescMessage>(
  registry: Registry,
  schema: Desc,
  message: MessageShape<Desc>,
): string {
  return toJsonString(schema, message, { registry, prettySpaces: 2 });
}
