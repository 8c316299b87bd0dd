// The body of an attributemanifest: attributes that a mesh knows beside those of every mesh (`istio.policy.v1beta1.AttributeManifest`).
import type { ValueTypeName } from '../policy-values.ts';

export interface AttributeManifestSpec {
  readonly revision: string;
  /** Who produces them; of no consequence. */
  readonly producer: string;
  readonly attributes: Readonly<Record<string, AttributeDeclarationSpec>>;
}

export interface AttributeDeclarationSpec {
  readonly valueType: ValueTypeName;
  readonly description: string;
}
