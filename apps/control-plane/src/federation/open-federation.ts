// Both directions of federation as parts of a control plane: what others tell, and what others are told.
import { join } from 'node:path';
import type { MeshAuthority } from '@xebec/ca';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Closing } from '../closing.ts';
import type { ControlPlaneContext } from '../context.ts';
import type { ControlPlaneEvent, ControlPlaneOptions } from '../options.ts';
import type { Pipeline } from '../pipeline.ts';
import type { FollowersPatience } from '../serving/trust-proof.ts';
import { openBundleEndpoint } from './bundle-endpoint.ts';
import { createOwnBundle, type OwnBundle } from './own-bundle.ts';
import { createFederating, type Federating } from './start-federation.ts';

export interface OpenFederation {
  readonly federating: Federating;
  readonly ownBundle: OwnBundle;
  /** Who fetches the own bundle; absent: nobody can. */
  readonly followers: FollowersPatience | undefined;
}

interface Parts {
  readonly pipeline: Pipeline;
  readonly authority: MeshAuthority;
  readonly emit: (event: ControlPlaneEvent) => void;
}

const usualHintMs = 300_000;

export function openFederation(
  options: ControlPlaneOptions & { readonly stateDirectory: string },
  { pipeline, authority, emit }: Parts,
  closing: Closing,
): OpenFederation {
  const refreshHintMs = options.bundleEndpoint?.refreshMs ?? usualHintMs;
  return {
    federating: closing.use(createFederating(options, { ...pipeline, authority }, emit)),
    ownBundle: createOwnBundle({
      authority,
      file: join(options.stateDirectory, 'bundle-sequence.json'),
      refreshHintMs,
      clock: Date.now,
      onFault: (error) => emit({ kind: 'fault', what: 'own bundle', error }),
    }),
    followers: options.bundleEndpoint === undefined ? undefined : { refreshHintMs },
  };
}

/** The address of the endpoint; undefined where none is wanted. */
export async function serveBundle(
  { bundleEndpoint: settings }: ControlPlaneOptions,
  { identities, openFederation: opened }: Pick<ControlPlaneContext, 'identities' | 'openFederation'>,
  { closing, emit }: Pick<Parts, 'emit'> & { readonly closing: Closing },
): Promise<Result<string | undefined>> {
  if (settings === undefined) return succeed(undefined);
  if (identities === undefined || opened === undefined) return fail(noAuthority);
  const endpoint = await openBundleEndpoint({
    settings,
    bundle: opened.ownBundle,
    authority: identities.authority,
    onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
  });
  if (!endpoint.ok) return endpoint;
  closing.defer(() => endpoint.value[Symbol.asyncDispose]());
  return succeed(endpoint.value.address);
}

const noAuthority: Diagnostic = {
  severity: 'error',
  code: 'no-authority',
  message: 'a bundle is of a certificate authority, and this control plane has none',
  remedy: 'give a directory for it with --state',
};
