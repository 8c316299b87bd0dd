// instance: the fields of a template as expressions over attributes. Their names and types are checked against template and vocabulary.
import { andThen, type Decoder } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, withDefault } from '../../decode/object.ts';
import type { Walk } from '../../decode/walk.ts';
import { dnsLabel } from '../../values/names.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { definePolicyKind } from '../define-policy.ts';
import {
  attributeExpressions,
  noParameters,
  parameters,
  policyReference,
  readLanguage,
} from '../policy-values.ts';
import type { InstanceSpec } from './spec.ts';

const shape = {
  compiledTemplate: optional(dnsLabel),
  template: optional(policyReference),
  params: withDefault(parameters, noParameters),
  attributeBindings: withDefault<TextMap>(attributeExpressions, emptyMap),
};

function check(value: Decoded<typeof shape>, walk: Walk): InstanceSpec | undefined {
  const language = readLanguage(walk);
  if (language === undefined) return undefined;
  return exactlyOne(value, ['compiledTemplate', 'template'], walk) ? { ...value, ...language } : undefined;
}

const spec: Decoder<InstanceSpec> = andThen(object(shape), check);

export const instanceKind = definePolicyKind('instance', 'instances', spec);
