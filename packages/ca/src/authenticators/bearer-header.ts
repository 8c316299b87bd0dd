// A shared secret in a header: whoever says it may read a page. The rule: comparing tells nothing about it.
import { createHash, timingSafeEqual } from 'node:crypto';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether an `authorization` header is `Bearer` and this token; an empty token is nobody's. */
export function bearsToken(header: string | undefined, token: string): boolean {
  const [, said] = /^Bearer ([!-~]{1,4096})$/i.exec(header ?? '') ?? [];
  return token !== '' && said !== undefined && timingSafeEqual(digestOf(said), digestOf(token));
}

/** Who may read metrics: everybody, or who has the token. */
export type MetricsAccess = 'open' | { readonly token: string };

/** What is said to who may not; undefined: they may. Without any access nobody may. */
export function refuseMetrics(
  access: MetricsAccess | undefined,
  header: string | undefined,
): string | undefined {
  if (access === 'open') return undefined;
  if (access === undefined) return 'metrics are closed: there is no state directory with a token\n';
  return bearsToken(header, access.token)
    ? undefined
    : 'metrics need "authorization: Bearer TOKEN", with the token in run/metrics.token of the state directory\n';
}
