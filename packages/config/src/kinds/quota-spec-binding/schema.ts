// QuotaSpecBinding: which QuotaSpecs hold for which services.
import { object } from '../../decode/object.ts';
import { definePolicyKind } from '../define-policy.ts';
import { namedObjects, serviceReferences } from '../policy-services.ts';

export const quotaSpecBindingKind = definePolicyKind(
  'QuotaSpecBinding',
  'quotaspecbindings',
  object({ services: serviceReferences, quotaSpecs: namedObjects }),
);
