// Asks a policy service by HTTP and JSON, and awaits decisions with a deadline.
import type { PolicyServiceProcess } from './policy-service.ts';

export interface Decision {
  readonly allowed: boolean;
  readonly code: number;
  readonly message: string;
}

export interface PolicyAsking {
  check(attributes: Readonly<Record<string, unknown>>): Promise<Decision>;
  /** Repeats `ask` until it is so; a failure says what it was last, with the service's log. */
  until(isSo: (decision: Decision) => boolean, ask: () => Promise<Decision>): Promise<Decision>;
}

/** An object of the policy service in the namespace `default`. */
export const policyObject = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'config.istio.io/v1alpha2',
  kind,
  metadata: { name, namespace: 'default' },
  spec,
});

const deadlineMs = 30_000;
const pauseMs = 50;

export function askPolicy(service: () => PolicyServiceProcess): PolicyAsking {
  return {
    async check(attributes) {
      const answer = await service().ask('/v1/check', {
        attributes: { 'destination.namespace': 'default', ...attributes },
      });
      const { allowed, status } = Object(answer);
      return { allowed: allowed === true, code: Number(status?.code ?? 0), message: String(status?.message) };
    },
    async until(isSo, ask) {
      const deadline = performance.now() + deadlineMs;
      for (;;) {
        const decision = await ask();
        if (isSo(decision)) return decision;
        if (performance.now() > deadline)
          throw new Error(`still ${JSON.stringify(decision)}\n${service().log()}`);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    },
  };
}
