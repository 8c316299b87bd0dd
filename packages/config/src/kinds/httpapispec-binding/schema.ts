// HTTPAPISpecBinding: which HTTPAPISpecs describe which services.
import { object } from '../../decode/object.ts';
import { definePolicyKind } from '../define-policy.ts';
import { namedObjects, serviceReferences } from '../policy-services.ts';

export const httpApiSpecBindingKind = definePolicyKind(
  'HTTPAPISpecBinding',
  'httpapispecbindings',
  object({ services: serviceReferences, apiSpecs: namedObjects }),
);
