// The body of a Deployment, after defaults.
import type { LabelSelector, TextMap } from '../../values/shapes.ts';
import type { PodBody } from '../pod/spec.ts';

export interface PodTemplate {
  readonly labels: TextMap;
  readonly annotations: TextMap;
  readonly body: PodBody;
}

export interface DeploymentSpec {
  readonly replicas: number;
  readonly selector: LabelSelector;
  readonly template: PodTemplate;
  readonly minReadyMs: number;
}
