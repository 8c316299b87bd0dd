// A route whose requests another VirtualService routes.
import { andThen, type Decoder } from '../../decode/decoder.ts';
import { object, optional, required } from '../../decode/object.ts';
import { dnsLabel, dnsSubdomain } from '../../values/names.ts';
import type { HttpActionSpec } from './spec.ts';

type Delegate = Extract<HttpActionSpec, { readonly kind: 'delegate' }>;

/** Without a namespace it is one of the same namespace. */
export const delegate: Decoder<Delegate> = andThen(
  object({ name: required(dnsSubdomain), namespace: optional(dnsLabel) }),
  ({ name, namespace }, { metadata }): Delegate => ({
    kind: 'delegate',
    name,
    namespace: namespace ?? metadata.namespace,
  }),
);
