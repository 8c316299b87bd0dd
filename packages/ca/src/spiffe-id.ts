// SPIFFE ids as Istio writes them: `spiffe://TRUST_DOMAIN/ns/NS/sa/SA`; one spelling per identity, everything else is refused.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { refuse } from './refusal.ts';

/** Who a workload is. */
export interface Identity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const TRUST_DOMAIN = /^[a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_ACCOUNT_LABEL = NAMESPACE;
const MAX_SERVICE_ACCOUNT = 253;
const SHAPE = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/;

export const isTrustDomain = (text: string): boolean => TRUST_DOMAIN.test(text);

const isServiceAccount = (text: string): boolean =>
  text.length <= MAX_SERVICE_ACCOUNT && text.split('.').every((label) => SERVICE_ACCOUNT_LABEL.test(label));

/** The id of an identity; names Kubernetes would not take are refused. */
export function spiffeId(identity: Identity): Result<string> {
  const { trustDomain, namespace, serviceAccount } = identity;
  if (!isTrustDomain(trustDomain)) return badName('trust domain');
  if (!NAMESPACE.test(namespace)) return badName('namespace');
  if (!isServiceAccount(serviceAccount)) return badName('service account');
  return succeed(`spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
}

const badName = (part: string): Result<never> =>
  refuse({
    code: 'bad-identity',
    message: `the ${part} is not a valid name`,
    remedy: 'use lower-case letters, digits and dashes, as Kubernetes names are written',
  });

/** The identity behind an id; no escapes, no other case, exactly these four segments. */
export function parseSpiffeId(text: string): Result<Identity> {
  const [, trustDomain, namespace, serviceAccount] = SHAPE.exec(text) ?? [];
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) {
    return refuse({
      code: 'bad-spiffe-id',
      message: 'not a SPIFFE id of a workload',
      remedy: 'write spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT',
    });
  }
  const identity: Identity = { trustDomain, namespace, serviceAccount };
  const checked = spiffeId(identity);
  return checked.ok ? succeed(identity) : checked;
}
