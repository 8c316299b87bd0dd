// handler: an adapter with its configuration. Whether the configuration is good is said by the adapter.
import { andThen, type Decoder } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { dnsLabel } from '../../values/names.ts';
import { definePolicyKind } from '../define-policy.ts';
import { noParameters, parameters, policyReference } from '../policy-values.ts';
import { connection } from './connection.ts';
import type { HandlerSpec } from './spec.ts';

const shape = {
  compiledAdapter: optional(dnsLabel),
  adapter: optional(policyReference),
  params: withDefault(parameters, noParameters),
  connection: optional(connection),
};

function check(value: Decoded<typeof shape>, walk: Walk): HandlerSpec | undefined {
  const { adapter, connection: to } = value;
  if (!exactlyOne(value, ['compiledAdapter', 'adapter'], walk)) return undefined;
  if ((adapter === undefined) === (to === undefined)) return value;
  if (to === undefined) {
    const message = 'an adapter outside has no address';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add "connection" with its address' });
  }
  const message = 'an adapter inside the policy service has no connection';
  const remedy = 'remove it, or name an adapter outside with "adapter"';
  return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'connection');
}

const spec: Decoder<HandlerSpec> = andThen(object(shape), check);

export const handlerKind = definePolicyKind('handler', 'handlers', spec);
