// For tests only: makes resources that no Envoy accepts out of those that chosen objects cause, everything else stays as it is.
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { EncodedResource, ResourceCollection } from '@xebec/envoy';
import { typeUrls } from '@xebec/envoy';
import type { Graph } from '@xebec/flow';
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';

/** An empty `name`, which Envoy's own rules forbid: the last value of a field counts. */
const emptyName = Uint8Array.of(0x0a, 0);

/** Bytes that spoil a message of a type when they are added to it. */
const spoilers: Readonly<Record<string, Uint8Array>> = {
  [typeUrls.cluster]: emptyName,
  [typeUrls.endpoint]: emptyName,
  [typeUrls.virtualHost]: emptyName,
};

/**
 * `chosen`: keys of objects, all of whose resources are spoilt, or `KEY=TEXT` for only those that contain a text, so
 * that the object can be mended.
 */
export function corruptResources(
  graph: Graph,
  all: readonly ResourceCollection[],
  chosen: readonly string[],
): readonly ResourceCollection[] {
  if (chosen.length === 0) return all;
  const texts = new Map(
    chosen.map((choice) => [choice.split('=', 1)[0], choice.split('=').slice(1).join('=')]),
  );
  // Whole tables of routes do not say what caused them.
  const isChosen = ({ causes, chunks }: EncodedResource): boolean =>
    (causes.length === 0 ? [...texts.keys()] : causes).some((cause = '') => {
      const text = texts.get(cause.split('#', 1)[0]);
      return text !== undefined && Buffer.concat(chunks).includes(text);
    });
  return all.map(({ typeUrl, resources }) => ({
    typeUrl,
    resources: graph.derive({
      name: `corrupted.${resources.name}`,
      from: resources,
      fn: (value, key) => [[key, isChosen(value) ? spoil(value, typeUrl, [...texts.values()]) : value]],
    }),
  }));
}

function spoil(
  value: EncodedResource,
  typeUrl: string,
  texts: readonly (string | undefined)[],
): EncodedResource {
  if (typeUrl === typeUrls.route) return spoilHosts(value, texts);
  const spoiler = spoilers[typeUrl];
  if (spoiler === undefined) return value;
  return { ...value, hash: `${value.hash}!`, chunks: [...value.chunks, spoiler] };
}

/** Of a whole table the virtual hosts with one of the texts. */
function spoilHosts(value: EncodedResource, texts: readonly (string | undefined)[]): EncodedResource {
  const config = fromBinary(RouteConfigurationSchema, Buffer.concat(value.chunks));
  for (const host of config.virtualHosts) {
    const bytes = Buffer.from(toBinary(VirtualHostSchema, host));
    if (texts.some((text) => text !== undefined && bytes.includes(text))) host.name = '';
  }
  const bytes = toBinary(RouteConfigurationSchema, config);
  return { ...value, hash: `${value.hash}!`, chunks: [bytes] };
}
