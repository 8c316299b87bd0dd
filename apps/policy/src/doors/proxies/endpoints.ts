// Addresses as Envoy writes them.
import type { Address } from '@xebec/protos/envoy/config/core/v3/address_pb';
import { plainAddress } from '../attributes/addresses.ts';
import type { Endpoint } from './call-facts.ts';

/** Nothing for sockets of the file system and for Envoy's own listeners. */
export function endpointOf(address: Address | undefined): Endpoint {
  const at = address?.address;
  if (at?.case !== 'socketAddress') return {};
  const ip = plainAddress(at.value.address);
  const port = at.value.portSpecifier.case === 'portValue' ? at.value.portSpecifier.value : undefined;
  return {
    ...(ip === undefined ? {} : { address: ip }),
    ...(port === undefined || port === 0 ? {} : { port }),
  };
}
