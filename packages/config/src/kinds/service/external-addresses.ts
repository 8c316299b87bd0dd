// Where a Service is reached from elsewhere: written by its owner, and by the platform in its status, which is never refused.
import { list, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional } from '../../decode/object.ts';
import { isIpAddress } from '../../values/address.ts';
import type { ServiceSpec } from './spec.ts';

const ingress = object(
  { ip: optional(text) },
  { isTolerant: true, ignored: ['hostname', 'ipMode', 'ports'] },
);
const balancer = { ingress: optional(list(ingress)) };
const shape = { loadBalancer: optional(object(balancer, { isTolerant: true })) };

export const serviceStatus = object(shape, { isTolerant: true, ignored: ['conditions'] });

type External = Pick<ServiceSpec, 'externalAddresses'>;

/** Names of balancers are left out: nobody resolves them here. */
export function externalAddressesOf(
  { externalAddresses = [] }: External,
  status: Decoded<typeof shape> | undefined,
): External {
  const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  const all = [...new Set([...externalAddresses, ...balanced.filter(isIpAddress)])];
  return all.length === 0 ? {} : { externalAddresses: all };
}
