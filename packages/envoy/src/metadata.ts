// Metadata that leads from an Envoy resource back to what somebody wrote. It names objects and fields, never lines.
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import type { Cause } from '@xebec/model';
import type { MetadataSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { causeText } from './resource.ts';

const istioPaths: Readonly<Record<string, string>> = {
  VirtualService: 'apis/networking.istio.io/v1/namespaces/NAMESPACE/virtual-service/NAME',
  DestinationRule: 'apis/networking.istio.io/v1/namespaces/NAMESPACE/destination-rule/NAME',
};

/** `filter_metadata` with `xebec.causes`, and `istio.config` in the form that Istio's tools read. */
export function causeMetadata(
  causes: readonly Cause[],
  istio: JsonObject = {},
): MessageInitShape<typeof MetadataSchema> {
  const config = causes.map(istioConfigPath).find((path) => path !== undefined);
  return {
    filterMetadata: {
      istio: config === undefined ? istio : { ...istio, config },
      xebec: { causes: causes.map(causeText) },
    },
  };
}

function istioConfigPath(cause: Cause): string | undefined {
  const [kind = '', namespace = '', name = ''] = cause.object.split('/');
  const path = Object.hasOwn(istioPaths, kind) ? istioPaths[kind] : undefined;
  return path === undefined ? undefined : `/${path.replace('NAMESPACE', namespace).replace('NAME', name)}`;
}
