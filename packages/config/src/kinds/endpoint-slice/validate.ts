// The addresses of an EndpointSlice are of the type it states.
import { quote } from '../../decode/decoder.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { isIpAddress, isIpv6 } from '../../values/address.ts';
import { isDnsSubdomain } from '../../values/names.ts';
import type { EndpointSliceSpec } from './spec.ts';

const fits: Readonly<Record<EndpointSliceSpec['addressType'], (address: string) => boolean>> = {
  IPv4: (address) => isIpAddress(address) && !isIpv6(address),
  IPv6: isIpv6,
  FQDN: isDnsSubdomain,
};

export function checkAddresses(spec: EndpointSliceSpec, walk: Walk): EndpointSliceSpec | undefined {
  let isGood = true;
  for (const [index, { addresses }] of spec.endpoints.entries()) {
    const wrong = addresses.findIndex((address) => !fits[spec.addressType](address));
    if (wrong < 0) continue;
    isGood = false;
    const message = `${quote(addresses[wrong] ?? '')} is not an address of type ${spec.addressType}`;
    const complaint = { code: 'invalid-address', message, remedy: 'correct the address or addressType' };
    refuse(walk, complaint, 'endpoints', index, 'addresses', wrong);
  }
  if (spec.service === '') {
    const message = 'the slice belongs to no Service';
    const remedy = 'add the label kubernetes.io/service-name';
    caution(walk, { code: 'field-has-no-effect', message, remedy }, 'metadata');
  }
  return isGood ? spec : undefined;
}
