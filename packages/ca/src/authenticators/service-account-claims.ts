// The service account that a token is for, as Kubernetes writes it. Where it is said twice, both must say the same.
import type { Identity } from '../spiffe-id.ts';

type Owner = Pick<Identity, 'namespace' | 'serviceAccount'>;

const SUBJECT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** `system:serviceaccount:NAMESPACE:NAME`. */
export function ownerOfSubject(subject: unknown): Owner | undefined {
  const [, namespace, serviceAccount] = (typeof subject === 'string' ? SUBJECT.exec(subject) : null) ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}

/** Of `sub`, and of `kubernetes.io` where that is there. */
export function readClaims(claims: Readonly<Record<string, unknown>>): Owner | undefined {
  const owner = ownerOfSubject(claims['sub']);
  const bound: unknown = claims['kubernetes.io'];
  if (owner === undefined || bound === undefined) return owner;
  const account: unknown = Reflect.get(Object(bound), 'serviceaccount');
  const namespace: unknown = Reflect.get(Object(bound), 'namespace');
  const name: unknown = Reflect.get(Object(account), 'name');
  return namespace === owner.namespace && name === owner.serviceAccount ? owner : undefined;
}
