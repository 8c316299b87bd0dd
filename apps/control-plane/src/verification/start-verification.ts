// The checks that run beside the pipeline: patched configuration before it leaves, and whatever proxies refuse afterwards.
import type { StreamEvent, StreamStatus, StreamView } from '@xebec/xds';
import type { ControlPlaneEvent, ControlPlaneOptions } from '../options.ts';
import type { Pipeline } from '../pipeline.ts';
import type { PolicyServices } from '../policy/policy-services.ts';
import { type Bootstraps, createBootstraps } from './bootstraps.ts';
import { createEnvoyCheck, type EnvoyCheck } from './envoy-check.ts';
import { createObjectHealth, type ObjectHealth } from './object-health.ts';
import { createPatchVerifier, type PatchVerifier } from './patch-verifier.ts';
import { createRefusedObjects } from './refused-objects.ts';

type Emit = (event: ControlPlaneEvent) => void;

export interface Verification extends Disposable {
  readonly health: ObjectHealth;
  readonly bootstraps: Bootstraps;
  /** Called before the view of a client that connects is computed. */
  admit(client: string): void;
  observe(event: StreamEvent): void;
}

export interface VerificationOptions {
  readonly pipeline: Pipeline;
  readonly policyServices: PolicyServices;
  readonly emit: Emit;
  readonly view: (client: string) => StreamView;
  readonly statuses: () => readonly StreamStatus[];
}

export function startVerification(
  { locateEnvoy, unverifiedPatches = 'apply' }: ControlPlaneOptions,
  { pipeline, policyServices, emit, view, statuses }: VerificationOptions,
): Verification {
  const { store, resources } = pipeline;
  const check = createEnvoyCheck({ locate: locateEnvoy ?? (() => Promise.resolve(undefined)) });
  announceChecks(check, unverifiedPatches, emit).catch((error: unknown) =>
    emit({ kind: 'fault', what: 'the search for an Envoy', error }),
  );
  const verifier = verifyPatches(pipeline, { check, unverified: unverifiedPatches, emit });
  const refused = createRefusedObjects({
    store,
    resources,
    check,
    view,
    onUnchecked: (typeUrl, key, message) => verifier.refuse(typeUrl, key, message),
    nowMs: Date.now,
    onFault: (error) => emit({ kind: 'fault', what: 'checks of what proxies refuse', error }),
  });
  const bootstraps = createBootstraps({ pipeline, check, unverified: unverifiedPatches });
  return {
    health: createObjectHealth({
      ...{ pipeline, policyServices, verifier, refused, bootstraps, statuses },
      isChecking: check.isAvailable,
    }),
    bootstraps,
    admit: (client) => verifier.admit(client),
    observe: (event) => refused.observe(event),
    [Symbol.dispose]() {
      verifier[Symbol.dispose]();
      refused[Symbol.dispose]();
    },
  };
}

/** Says once that patched configuration leaves unchecked, or not at all. */
async function announceChecks(check: EnvoyCheck, unverified: 'refuse' | 'apply', emit: Emit): Promise<void> {
  if (await check.locate()) return;
  const what = unverified === 'apply' ? 'are applied unchecked' : 'are not applied';
  emit({
    kind: 'problem',
    diagnostic: {
      severity: 'warning',
      code: 'patch-checks-off',
      message: `there is no Envoy here to check configuration with: EnvoyFilters ${what}`,
      remedy: 'set ENVOY_PATH to the Envoy that the proxies run',
    },
  });
}

interface PatchChecks {
  readonly check: EnvoyCheck;
  readonly unverified: 'refuse' | 'apply';
  readonly emit: Emit;
}

function verifyPatches(
  { graph, patches, patchGate, mesh, store, proxies }: Pipeline,
  { check, unverified, emit }: PatchChecks,
): PatchVerifier {
  if (patchGate === undefined) throw new TypeError('this pipeline was made without a gate');
  return createPatchVerifier({
    graph,
    patches,
    proxies,
    check,
    unverified,
    sources: patchGate,
    filters: store.source('EnvoyFilter'),
    effective: mesh.envoyFilters,
    patchSets: mesh.patchSets,
    revisionOf: (key) => Number(store.get(key)?.resourceVersion ?? 0),
    nowMs: Date.now,
    onFault: (error) => emit({ kind: 'fault', what: 'checks of patches', error }),
  });
}
