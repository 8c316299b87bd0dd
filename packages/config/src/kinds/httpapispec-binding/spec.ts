// The body of an HTTPAPISpecBinding: which HTTPAPISpecs describe which services.
import type { NamedObject, ServiceReference } from '../policy-services.ts';

export interface HttpApiSpecBindingSpec {
  readonly services: readonly ServiceReference[];
  readonly apiSpecs: readonly NamedObject[];
}
