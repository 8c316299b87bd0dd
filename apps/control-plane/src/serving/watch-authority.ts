// What goes on with the authority while the control plane runs: rotations move on, and people hear of it.
import type { ControlPlaneContext } from '../context.ts';
import type { ControlPlaneEvent } from '../options.ts';
import type { CertificateAuthority } from './authority.ts';
import { driveRotation } from './rotation-driver.ts';
import { awaited } from './trust-proof.ts';

export function watchAuthority(
  { authority, reports }: CertificateAuthority,
  context: ControlPlaneContext,
  emit: (event: ControlPlaneEvent) => void,
): Disposable {
  return driveRotation({
    authority,
    reports,
    awaited: () => awaited({ ...context, authority, reports }),
    onStep: (rotation) => emit({ kind: 'rotation', stage: rotation?.stage ?? 'over' }),
    onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
  });
}
