// When in a call a template is used. CHECK_WITH_OUTPUT is asked where CHECK is.
import type { Template } from './template.ts';

export type Phase = 'CHECK' | 'REPORT' | 'QUOTA' | 'ATTRIBUTE_GENERATOR';

export const phaseOf = ({ variety }: Template): Phase =>
  variety === 'CHECK_WITH_OUTPUT' ? 'CHECK' : variety;
