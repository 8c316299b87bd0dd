// The body of a QuotaSpecBinding: which QuotaSpecs hold for which services.
import type { NamedObject, ServiceReference } from '../policy-services.ts';

export interface QuotaSpecBindingSpec {
  readonly services: readonly ServiceReference[];
  readonly quotaSpecs: readonly NamedObject[];
}
