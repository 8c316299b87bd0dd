// Moves a rotation on: from one step to the next as soon as every workload is proven to have the one before, and never sooner.
import type { MeshAuthority, Rotation } from '@xebec/ca';
import type { Diagnostic } from '@xebec/std';
import type { Awaited } from './trust-proof.ts';
import type { TrustReports } from './trust-reports.ts';

export interface RotationDriverOptions {
  readonly authority: MeshAuthority;
  readonly reports: TrustReports;
  readonly awaited: () => readonly Awaited[];
  readonly onStep: (rotation: Rotation | undefined) => void;
  readonly onProblem: (diagnostic: Diagnostic) => void;
}

/** After a start it is not known yet who is there. */
const firstLookMs = 5_000;
const lookEveryMs = 1_000;
/** Files are replaced by people and their tools; an event may be lost, a look is not. */
const rereadEveryMs = 5_000;

export function driveRotation(options: RotationDriverOptions): Disposable {
  const { authority, reports, awaited, onStep, onProblem } = options;
  const startedAt = performance.now();
  let lastProblem = '';
  const tell = (diagnostics: readonly Diagnostic[]): void => {
    const text = JSON.stringify(diagnostics);
    if (text === lastProblem) return;
    lastProblem = text;
    diagnostics.forEach(onProblem);
  };
  const step = (): void => {
    const { rotation } = authority;
    if (rotation === undefined || performance.now() - startedAt < firstLookMs) return;
    if (awaited().length > 0) return;
    const moved = authority.advance();
    if (!moved.ok) tell(moved.diagnostics);
    else if (moved.value?.stage !== rotation.stage) onStep(moved.value);
  };
  const reread = (): void => {
    const read = authority.reload();
    if (read.ok) lastProblem = '';
    else tell(read.diagnostics);
  };
  const timers = [setInterval(step, lookEveryMs), setInterval(reread, rereadEveryMs)];
  for (const timer of timers) timer.unref();
  const watch = reports.subscribe(() => setImmediate(step));
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      for (const timer of timers) clearInterval(timer);
    },
  };
}
