// What goes on with the authority while the control plane runs: rotations move on, whoever was revoked is sent away, and people hear of what expires.
import type { Peer } from '@xebec/xds';
import type { ControlPlaneContext } from '../context.ts';
import type { ControlPlaneEvent } from '../options.ts';
import type { CertificateAuthority } from './authority.ts';
import { expiryWarnings } from './expiry.ts';
import { driveRotation } from './rotation-driver.ts';
import { awaited } from './trust-proof.ts';

const lookEveryMs = 60_000;

export function watchAuthority(
  identities: CertificateAuthority,
  context: ControlPlaneContext,
  emit: (event: ControlPlaneEvent) => void,
): Disposable {
  const { authority } = identities;
  const parts = [
    driveRotation({
      ...identities,
      awaited: () => awaited({ ...context, ...identities, followers: context.openFederation?.followers }),
      onStep: (rotation) => emit({ kind: 'rotation', stage: rotation?.stage ?? 'over' }),
      onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
    }),
    authority.subscribe(() => sendAway(identities, context)),
    everyMinute(() => renewIntermediate(identities, emit)),
    tellOfExpiry(identities, emit),
    authority,
  ];
  return {
    [Symbol.dispose]() {
      for (const part of parts) part[Symbol.dispose]();
    },
  };
}

export const isRevoked = ({ authority }: CertificateAuthority, { identities, serial }: Peer): boolean =>
  (serial !== undefined && authority.isRevoked({ serial })) ||
  identities.some((identity) => authority.isRevoked({ identity }));

function sendAway(identities: CertificateAuthority, { xds }: ControlPlaneContext): void {
  for (const { client, peer } of xds.statuses()) {
    if (isRevoked(identities, peer)) xds.expel(client, 'the certificate was revoked');
  }
}

/** Each once, and once more when it is worse. */
function tellOfExpiry(
  identities: CertificateAuthority,
  emit: (event: ControlPlaneEvent) => void,
): Disposable {
  const told = new Set<string>();
  const look = (): void => {
    const warnings = expiryWarnings(identities, Date.now());
    const keys = new Set(warnings.map(({ key }) => key));
    for (const key of told) if (!keys.has(key)) told.delete(key);
    for (const { key, ...diagnostic } of warnings) {
      if (!told.has(key)) emit({ kind: 'problem', diagnostic });
      told.add(key);
    }
  };
  return everyMinute(look);
}

function everyMinute(look: () => void): Disposable {
  look();
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** With less than this share of its life left, an intermediate whose root is kept here is replaced without being asked. */
const renewalShare = 0.2;

function renewIntermediate(
  { authority }: CertificateAuthority,
  emit: (event: ControlPlaneEvent) => void,
): void {
  const intermediate = authority.certificates.find(({ role }) => role === 'intermediate');
  if (authority.rotation !== undefined || intermediate === undefined) return;
  const { notBefore, notAfter } = intermediate;
  const left = notAfter - Date.now();
  if (left > (notAfter - notBefore) * renewalShare) return;
  // One that ends about when its root does gains nothing by being made anew.
  const root = authority.certificates.find(({ role }) => role === 'root');
  if (root !== undefined && root.notAfter - Date.now() < 2 * left) return;
  const begun = authority.rotate({ kind: 'intermediate', goal: 'retire' });
  if (begun.ok) emit({ kind: 'rotation', stage: begun.value.stage });
}
