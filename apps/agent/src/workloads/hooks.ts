// What is done around a container's life: right after its start, and right before it is told to end. A failing hook is told, and never stops an ending.
import type { Hook } from '@xebec/config';
import type { ProbeAction, ProbeAnswer, ProbeTarget, Timers } from '@xebec/supervise';
import { pause } from '../backoff.ts';

export interface HookContext {
  readonly target: ProbeTarget;
  readonly timers: Timers;
  /** Milliseconds; what is left of the grace period for a hook before the end. */
  readonly timeoutMs: number;
  readonly attempt: (
    spec: { readonly action: ProbeAction; readonly timeoutSeconds: number },
    target: ProbeTarget,
  ) => Promise<ProbeAnswer>;
  readonly portNumber: (port: number | string) => number | undefined;
}

const never = new AbortController().signal;

/** Runs it once; resolves with what went wrong, or undefined. */
export async function runHook(hook: Hook, context: HookContext): Promise<string | undefined> {
  const { timers, timeoutMs, target } = context;
  if (hook.kind === 'sleep') {
    await pause(timers, Math.min(hook.durationMs, timeoutMs), never);
    return undefined;
  }
  const action = actionOf(hook, context);
  if (action === undefined) return 'it names a port that the container does not have';
  const answer = await context.attempt({ action, timeoutSeconds: Math.max(0.1, timeoutMs / 1_000) }, target);
  return answer.passing ? undefined : answer.message;
}

function actionOf(
  hook: Exclude<Hook, { kind: 'sleep' }>,
  { portNumber }: HookContext,
): ProbeAction | undefined {
  if (hook.kind === 'exec' || hook.kind === 'grpc') return hook;
  const port = portNumber(hook.port);
  if (port === undefined) return undefined;
  const host = hook.host === '' ? {} : { host: hook.host };
  if (hook.kind === 'tcpSocket') return { kind: 'tcpSocket', port, ...host };
  return { kind: 'httpGet', port, path: hook.path, scheme: hook.scheme, httpHeaders: hook.headers, ...host };
}
