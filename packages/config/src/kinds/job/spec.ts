// The body of a Job, after defaults.
import type { PodTemplate } from '../deployment/spec.ts';

export interface JobSpec {
  /** How many Pods must end well. */
  readonly completions: number;
  /** How many may run at a time. */
  readonly parallelism: number;
  /** How many may fail before the Job does. */
  readonly backoffLimit: number;
  readonly isSuspended: boolean;
  readonly template: PodTemplate;
}
