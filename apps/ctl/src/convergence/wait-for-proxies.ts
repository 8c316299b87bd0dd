// Waits until every proxy that a revision concerns has acknowledged it, and says who has not.
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import { type ControlPlane, diagnosticsOf } from '../admin/control-plane.ts';
import { at, numberOf, objectsOf, textOf, textsOf } from '../admin/json.ts';

export interface ObjectConvergence {
  readonly key: string;
  readonly targeted: readonly string[];
  readonly sent: readonly string[];
  readonly acked: readonly string[];
  readonly rejected: readonly string[];
}

export interface Convergence {
  readonly revision: number | undefined;
  readonly isDone: boolean;
  readonly objects: readonly ObjectConvergence[];
  /** What is wrong with objects of the revision although it was accepted. */
  readonly problems: readonly Diagnostic[];
}

export interface WaitOptions {
  /** Absent: the newest. */
  readonly revision?: number;
  readonly timeoutMs: number;
  readonly onLook: (convergence: Convergence) => void;
}

const pollMs = 100;
const nothingToWaitFor: Convergence = { revision: undefined, isDone: true, objects: [], problems: [] };

/** Resolves when all have it, when a proxy refused it, or when time is up. */
export async function waitForProxies(
  controlPlane: ControlPlane,
  { revision, timeoutMs, onLook }: WaitOptions,
): Promise<Result<Convergence>> {
  const deadline = performance.now() + timeoutMs;
  const path = revision === undefined ? '/v1/convergence' : `/v1/convergence?revision=${revision}`;
  for (;;) {
    const answer = await controlPlane.get(path);
    if (!answer.ok) {
      // Nothing has changed since the control plane started, so nothing is under way.
      if (revision === undefined && answer.diagnostics.every(isUnknownRevision))
        return succeed(nothingToWaitFor);
      return answer;
    }
    const convergence = readConvergence(answer.value);
    onLook(convergence);
    if (convergence.isDone || performance.now() >= deadline) return succeed(convergence);
    if (convergence.objects.some(isRefused) && convergence.objects.every(isDecided))
      return succeed(convergence);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

const isUnknownRevision = ({ code }: Diagnostic): boolean => code === 'unknown-revision';

const isRefused = ({ rejected }: ObjectConvergence): boolean => rejected.length > 0;

/** Nobody will still change their mind. */
const isDecided = ({ targeted, acked, rejected }: ObjectConvergence): boolean =>
  new Set([...acked, ...rejected]).size >= targeted.length;

function readConvergence(value: unknown): Convergence {
  return {
    revision: numberOf(at(value, 'revision')),
    isDone: at(value, 'isDone') === true,
    objects: objectsOf(at(value, 'objects')).map((object) => ({
      key: textOf(object['key']),
      targeted: textsOf(object['targeted']),
      sent: textsOf(object['sent']),
      acked: textsOf(object['acked']),
      rejected: textsOf(object['rejected']),
    })),
    problems: diagnosticsOf(at(value, 'problems')),
  };
}

/** `reviews-v1-abc.default` of `sidecar~127.0.0.1~reviews-v1-abc.default~default.svc.cluster.local`. */
export const proxyName = (id: string): string => id.split('~')[2] ?? id;

/** Everybody that is still without it. */
export function stragglersOf(objects: readonly ObjectConvergence[]): readonly string[] {
  const late = objects.flatMap(({ targeted, acked }) => targeted.filter((client) => !acked.includes(client)));
  return [...new Set(late)].sort().map(proxyName);
}
