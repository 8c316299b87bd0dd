// Federation as a part of this control plane: bundles of others are followed, the own one is told.
import { join } from 'node:path';
import type { MeshAuthority } from '@xebec/ca';
import type { Diagnostic } from '@xebec/std';
import type { ControlPlaneEvent, ControlPlaneOptions } from '../options.ts';
import { createAddressGuard } from '../outbound/address-guard.ts';
import { fetchGuarded } from '../outbound/guarded-fetch.ts';
import type { Pipeline } from '../pipeline.ts';
import { type BundleFollower, type BundleState, createBundleFollower } from './bundle-follower.ts';
import { openBundleStore } from './bundle-store.ts';
import { type FollowedFederation, followFederation, shutOutWarning } from './follow-federation.ts';

export interface Federating extends Disposable {
  readonly bundles: Pick<BundleFollower, 'states'>;
  /** Once the settings are read. */
  start(): void;
}

type Sources = Pick<Pipeline, 'graph' | 'store' | 'federation' | 'startSettings' | 'settings'>;

export function createFederating(
  options: Pick<ControlPlaneOptions, 'jwks' | 'stateDirectory'>,
  { authority, ...sources }: Sources & { readonly authority: MeshAuthority },
  emit: (event: ControlPlaneEvent) => void,
): Federating {
  const onProblem = (diagnostic: Diagnostic): void => emit({ kind: 'problem', diagnostic });
  let following: FollowedFederation | undefined;
  const bundles = createBundleFollower({
    store: openBundleStore(fileIn(options), (error) =>
      emit({ kind: 'fault', what: 'bundles of other meshes', error }),
    ),
    clock: Date.now,
    random: Math.random,
    fetchText(url, limits) {
      const allowed = [...(options.jwks?.allow ?? []), ...(sources.settings.get('mesh')?.jwksAllow ?? [])];
      return fetchGuarded(url, { ...limits, guard: createAddressGuard(allowed) });
    },
    onChange: () => following?.reread(),
    onProblem: (state) => onProblem(staleWarning(state)),
  });
  return {
    bundles,
    start() {
      following = followFederation(sources, { authority, bundles, onProblem });
    },
    [Symbol.dispose]() {
      following?.[Symbol.dispose]();
      bundles[Symbol.dispose]();
    },
  };
}

const fileIn = ({ stateDirectory }: Pick<ControlPlaneOptions, 'stateDirectory'>): string | undefined =>
  stateDirectory === undefined ? undefined : join(stateDirectory, 'federated-bundles.json');

function staleWarning({ source, bundle, fetchedAtMs = 0, problem = '' }: BundleState): Diagnostic {
  const before = `what it said at ${new Date(fetchedAtMs).toISOString()} goes on being used`;
  const first =
    source.endpoint === undefined
      ? 'nobody of it is let in until it is'
      : 'its first roots count until it is';
  return {
    severity: 'warning',
    code: 'bundle-not-fetched',
    message: `the bundle of ${source.trustDomain} could not be fetched from ${source.url}: ${problem}; ${bundle === undefined ? first : before}`,
    remedy: 'see that this URL answers with a SPIFFE bundle, by a certificate that is trusted',
  };
}

/** What people should look at. */
export const federationWarnings = (
  { shutOut }: Pick<MeshAuthority, 'shutOut'>,
  { states }: Pick<BundleFollower, 'states'>,
): readonly Diagnostic[] => [
  ...states.filter(({ problem }) => problem !== undefined).map(staleWarning),
  ...shutOut.map(shutOutWarning),
];

/** For people: where bundles come from, and how old they are. */
export const shownBundle = ({ source, bundle, fetchedAtMs, problem }: BundleState) => ({
  trustDomain: source.trustDomain,
  url: source.url,
  profile: source.endpoint === undefined ? 'https_web' : 'https_spiffe',
  roots: bundle?.rootsPem.length ?? 0,
  hasLists: bundle?.lists !== undefined,
  sequence: bundle?.sequence ?? null,
  fetchedAtMs: fetchedAtMs ?? null,
  problem: problem ?? '',
});
