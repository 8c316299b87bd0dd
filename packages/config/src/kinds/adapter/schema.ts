// adapter: what an adapter outside takes. Where it is, its handlers say.
import { andThen, boolean, type Decoder, list, text } from '../../decode/decoder.ts';
import { exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { definePolicyKind } from '../define-policy.ts';
import { descriptorText } from '../policy-descriptors.ts';
import { policyReference } from '../policy-values.ts';
import type { AdapterSpec } from './spec.ts';

const spec: Decoder<AdapterSpec> = andThen(
  object({
    description: withDefault(text, ''),
    templates: required(list(policyReference, { least: 1, most: 100 })),
    sessionBased: optional(boolean),
    session_based: optional(boolean),
    config: withDefault(descriptorText, ''),
  }),
  ({ sessionBased, session_based, ...rest }, walk) => {
    const both = { sessionBased, session_based };
    if (
      sessionBased !== undefined &&
      session_based !== undefined &&
      !exactlyOne(both, Object.keys(both), walk)
    )
      return undefined;
    return { ...rest, isSessionBased: sessionBased ?? session_based ?? false };
  },
);

export const adapterKind = definePolicyKind('adapter', 'adapters', spec);
