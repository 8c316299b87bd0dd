// What a proxy answers in the policy service's place: its words, in the proxy's language of formats.
import { refusalBody } from '../engine/http-status.ts';
import type { RulePlan } from './plan-rule.ts';

const literally = (text: string): string => text.replaceAll('%', '%%');

/** Of a plan for the proxy, an access-log format. */
export function refusalText({ status, isFormatted, handler }: Extract<RulePlan, { where: 'proxy' }>): string {
  const message = isFormatted ? status.message : literally(status.message);
  return refusalBody({ code: status.code, message }, literally(handler));
}

const resourceExhausted = 8;

/** Of a plan for assignments, as it is: nothing in it is a format. */
export const quotaRefusalText = ({ handler, charge }: Extract<RulePlan, { where: 'assignment' }>): string =>
  refusalBody({ code: resourceExhausted, message: `the quota does not have ${charge} left` }, handler);
