// The keys of tokens as a part of this control plane: what is asked for, with the addresses that somebody has allowed.
import { join } from 'node:path';
import type { ControlPlaneEvent, ControlPlaneOptions } from '../options.ts';
import { createAddressGuard } from '../outbound/address-guard.ts';
import { fetchGuarded } from '../outbound/guarded-fetch.ts';
import type { Pipeline } from '../pipeline.ts';
import { createKeyFetcher, type KeyFetcher, type KeyProblem } from './key-fetcher.ts';
import { openKeyStore } from './key-store.ts';

const usualRefreshMs = 300_000;

export function startKeys(
  { jwks = {}, stateDirectory }: Pick<ControlPlaneOptions, 'jwks' | 'stateDirectory'>,
  { graph, mesh, keySets, settings }: Pick<Pipeline, 'graph' | 'mesh' | 'keySets' | 'settings'>,
  emit: (event: ControlPlaneEvent) => void,
): KeyFetcher {
  const file = stateDirectory === undefined ? undefined : join(stateDirectory, 'key-sets.json');
  return createKeyFetcher({
    graph,
    requests: mesh.keyRequests,
    keySets,
    store: openKeyStore(file, (error) => emit({ kind: 'fault', what: 'keys of tokens', error })),
    clock: Date.now,
    random: Math.random,
    refreshMs: jwks.refreshMs ?? usualRefreshMs,
    fetchText: (url, limits) => {
      const allowed = [...(jwks.allow ?? []), ...(settings.get('mesh')?.jwksAllow ?? [])];
      return fetchGuarded(url, { ...limits, guard: createAddressGuard(allowed) });
    },
    onProblem: (problem) => emit({ kind: 'problem', diagnostic: diagnosticOf(problem) }),
  });
}

function diagnosticOf(problem: KeyProblem) {
  const { reason, objects } = problem;
  const { what, outcome } = wordsFor(problem);
  const [object] = objects;
  return {
    severity: 'warning' as const,
    code: 'keys-not-fetched',
    message: `${what} could not be fetched: ${reason}; ${outcome}`,
    ...(object === undefined ? {} : { origin: { object } }),
  };
}

function wordsFor({ source, hasKeys }: KeyProblem): { readonly what: string; readonly outcome: string } {
  if (source.startsWith('login '))
    return {
      what: `the OpenID configuration of ${source.slice(6)}`,
      outcome: hasKeys ? 'what it said before goes on being used' : 'nobody can log in until it is known',
    };
  return {
    what: source.startsWith('uri ') ? source.slice(4) : `the keys of ${source.slice(7)}`,
    outcome: hasKeys
      ? 'the keys of before go on being used'
      : 'no token of this issuer is accepted until there are any',
  };
}
