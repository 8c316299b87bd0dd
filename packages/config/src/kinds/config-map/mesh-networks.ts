// MeshNetworks: which addresses belong to which network, and by which gateways a network is reached from the others.
import { andThen, type Decoder, list, mapOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { isCidr, isIpAddress } from '../../values/address.ts';
import { hostName } from '../../values/host.ts';
import { checkLabelValue } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import type { MeshNetworkSpec, NetworkGatewaySpec } from './spec.ts';

/** The only registry there is: the objects of the mesh itself. */
const ownRegistry = 'Kubernetes';

const block: Decoder<string> = andThen(text, (value, walk) => {
  if (isCidr(value)) return value;
  const message = `${quote(value)} is not a block of addresses`;
  return refuse(walk, { code: 'invalid-address', message, remedy: 'write a block such as 10.0.0.0/24' });
});

const registry: Decoder<string> = andThen(text, (value, walk) => {
  if (value !== ownRegistry) {
    const message = `there is no registry ${quote(value)}: nothing is of this network because of it`;
    caution(walk, { code: 'field-has-no-effect', message, remedy: `write ${ownRegistry}` });
  }
  return value;
});

const endpointShape = { fromCidr: optional(block), fromRegistry: optional(registry) };
const endpoint = andThen(object(endpointShape), (value, walk) => {
  if ((value.fromCidr === undefined) !== (value.fromRegistry === undefined)) return value;
  const message = 'fromCidr and fromRegistry: exactly one of them says which endpoints are meant';
  return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' });
});

/** An endpoint of another network has an address, never a name: proxies do not resolve those. */
const address: Decoder<string> = andThen(text, (value, walk) => {
  if (isIpAddress(value)) return value;
  const message = `${quote(value)} is not an IP address, and proxies do not look up the names of endpoints`;
  return refuse(walk, { code: 'invalid-address', message, remedy: 'write the IP address of the gateway' });
});

const gatewayShape = {
  address: optional(address),
  registryServiceName: optional(hostName()),
  port: required(port),
};

const gateway = andThen(
  object(gatewayShape, { inert: ['locality'] }),
  (value: Decoded<typeof gatewayShape>, walk: Walk): NetworkGatewaySpec | undefined => {
    const { address: ip, registryServiceName: host, port: number } = value;
    if (ip !== undefined && host === undefined) return { kind: 'address', address: ip, port: number };
    if (host !== undefined && ip === undefined) return { kind: 'service', host, port: number };
    const message = 'address and registryServiceName: exactly one of them says where the gateway is';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' });
  },
);

const network = andThen(
  object({
    endpoints: withDefault(list(endpoint, { most: 1_000 }), []),
    gateways: withDefault<readonly NetworkGatewaySpec[]>(list(gateway, { most: 100 }), []),
  }),
  ({ endpoints, gateways }): MeshNetworkSpec => ({
    blocks: endpoints.flatMap(({ fromCidr }) => fromCidr ?? []),
    isDefault: endpoints.some(({ fromRegistry }) => fromRegistry === ownRegistry),
    gateways,
  }),
);

/** By name of the network. */
export const meshNetworks: Decoder<Readonly<Record<string, MeshNetworkSpec>>> = andThen(
  object({ networks: withDefault(mapOf(network, checkNetwork, 1_000), {}) }),
  ({ networks }, walk) => {
    const [, second] = Object.keys(networks).filter((name) => networks[name]?.isDefault);
    if (second === undefined) return networks;
    const message = `${ownRegistry} is already of another network`;
    return refuse(
      walk,
      { code: 'duplicate', message, remedy: 'let one network have it' },
      'networks',
      second,
    );
  },
);

function checkNetwork(name: string) {
  if (name !== '') return checkLabelValue(name);
  return { code: 'invalid-key', message: 'a network has a name', remedy: 'write one' };
}
