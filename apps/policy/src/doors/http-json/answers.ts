// Answers in JSON. Amounts are numbers where JSON holds them exactly, else texts.
import type { AttributeReference, QuotaVerdict, Status } from '@xebec/policy';
import { codeName } from '@xebec/policy';
import type { Decision } from '../calls/policy-calls.ts';

const shownStatus = ({ code, message }: Status) => ({ code, name: codeName(code), message });

const shownDuration = (milliseconds: number): string => `${Math.round(milliseconds) / 1_000}s`;

const shownAmount = (amount: bigint): number | string => {
  const number = Number(amount);
  return Number.isSafeInteger(number) ? number : amount.toString();
};

export function shownQuota(verdict: QuotaVerdict, references?: readonly AttributeReference[]) {
  const { status, granted, validDurationMs, limit, remaining, resetMs } = verdict;
  return {
    status: shownStatus(status),
    granted: shownAmount(granted),
    validDuration: shownDuration(validDurationMs),
    ...(limit === undefined ? {} : { limit: shownAmount(limit) }),
    ...(remaining === undefined ? {} : { remaining: shownAmount(remaining) }),
    ...(resetMs === undefined ? {} : { resetsIn: shownDuration(resetMs) }),
    ...(references === undefined ? {} : { references }),
  };
}

export function shownDecision({ outcome, dropped, comparable }: Decision) {
  const quotas = [...outcome.quotas];
  const isAllowed = outcome.status.code === 0 && quotas.every(([, { status }]) => status.code === 0);
  return {
    /** The check passed, and every quota asked for was granted. */
    allowed: isAllowed,
    status: shownStatus(outcome.status),
    validDuration: shownDuration(outcome.validDurationMs),
    validUseCount: outcome.validUseCount,
    references: comparable(outcome.references),
    requestHeaders: outcome.requestHeaders,
    responseHeaders: outcome.responseHeaders,
    ...(outcome.directResponse === undefined ? {} : { directResponse: outcome.directResponse }),
    quotas: Object.fromEntries(
      quotas.map(([name, verdict]) => [name, shownQuota(verdict, comparable(verdict.references))]),
    ),
    rules: outcome.rules.map(({ rule, handler, status }) => ({ rule, handler, status: shownStatus(status) })),
    dropped,
  };
}
