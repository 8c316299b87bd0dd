// What a decision of OPA means for a call. Rule: only `true`, or `{"allow": true}`, lets it through; one that is not defined refuses.
import { isMap } from '@xebec/config/decode';
import { OK, type Status } from '../sdk.ts';

const denied: Status = { code: 7, message: 'refused by OPA' };
const longestMessage = 1_000;

/** `true`, or `{"allow": true, "message": "…"}`; undefined: the decision is not defined. */
export function statusOfDecision(decision: unknown): Status {
  if (decision === true) return OK;
  if (!isMap(decision)) return denied;
  if (decision['allow'] === true) return OK;
  const message = decision['message'];
  return typeof message === 'string' ? { code: 7, message: message.slice(0, longestMessage) } : denied;
}
