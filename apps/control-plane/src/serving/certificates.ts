// The control plane's own certificate, from its own authority, renewed at half its life.
import { createKeyAndCsr, type MeshAuthority, parseCsr, spiffeId } from '@xebec/ca';
import { type Result, succeed } from '@xebec/std';
import type { TlsMaterial } from '@xebec/xds';

export interface ServingCertificate {
  readonly material: TlsMaterial;
  readonly renewAtMs: number;
}

const ttlMs = 24 * 3_600_000;

export async function issueServingCertificate(
  authority: MeshAuthority,
  addresses: readonly string[],
): Promise<Result<ServingCertificate>> {
  const identity = spiffeId({
    trustDomain: authority.trustDomain,
    namespace: 'istio-system',
    serviceAccount: 'istiod',
  });
  if (!identity.ok) return identity;
  const pair = await createKeyAndCsr(identity.value);
  if (!pair.ok) return pair;
  const subject = parseCsr(pair.value.csrPem);
  if (!subject.ok) return subject;
  const issued = await authority.issueServer({
    csrPem: pair.value.csrPem,
    publicKey: subject.value,
    spiffeId: identity.value,
    ttlMs,
    dnsNames: ['localhost', 'istiod.istio-system.svc', 'istiod.istio-system.svc.cluster.local'],
    ipAddresses: [...new Set(['127.0.0.1', '::1', ...addresses])],
  });
  if (!issued.ok) return issued;
  const { certificatesPem, notBefore, notAfter } = issued.value;
  return succeed({
    renewAtMs: (notBefore + notAfter) / 2,
    material: {
      certificateChain: [certificatesPem].flat().join(''),
      privateKey: pair.value.privateKeyPem,
      clientRoots: authority.rootsPem.join(''),
    },
  });
}
