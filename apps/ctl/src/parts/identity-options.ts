// Flags about identities as options of the control plane; half of a pair is refused.
import { resolve } from 'node:path';
import type { ControlPlaneOptions } from '@xebec/control-plane';
import { fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { IdentityFlags, TokenFlags } from '../commands/identity-options.ts';
import { problem } from '../output/diagnostics.ts';

const defaultAudiences = ['istio-ca'];

export function identityOptions(
  cli: Cli,
  flags: IdentityFlags,
): Result<Pick<ControlPlaneOptions, 'tokenIssuer' | 'tokenReview' | 'signer'>> {
  const tokens = tokenDoors(cli, flags, defaultAudiences);
  if (!tokens.ok) return tokens;
  const file = (path: string): string => resolve(cli.cwd, path);
  const { caSigner, caSignerRoots } = flags;
  const signerRoots = caSignerRoots === undefined ? {} : { rootsFile: file(caSignerRoots) };
  return succeed({
    ...(caSigner === undefined ? {} : { signer: { url: caSigner, ...signerRoots } }),
    ...tokens.value,
  });
}

/** Whose tokens are taken, for whom they are meant. */
export function tokenDoors(
  cli: Cli,
  flags: TokenFlags,
  usual: readonly string[],
): Result<Pick<ControlPlaneOptions, 'tokenIssuer' | 'tokenReview'>> {
  const { tokenIssuer, tokenJwks, tokenReview, tokenAudience: audiences = usual } = flags;
  if ((tokenIssuer === undefined) !== (tokenJwks === undefined)) {
    const missing = tokenJwks === undefined ? '--token-jwks' : '--token-issuer';
    return fail(problem('missing-option', `an issuer and its keys belong together`, `say ${missing} too`));
  }
  if (tokenReview !== undefined && !isHttps(tokenReview)) {
    return fail(
      problem('bad-option', '--token-review is not the address of an API server', 'write https://HOST:PORT'),
    );
  }
  const file = (path: string): string => resolve(cli.cwd, path);
  return succeed({
    ...(tokenIssuer === undefined || tokenJwks === undefined
      ? {}
      : { tokenIssuer: { issuer: tokenIssuer, audiences, keysFile: file(tokenJwks) } }),
    ...(tokenReview === undefined
      ? {}
      : {
          tokenReview: {
            url: tokenReview,
            rootsFile: file(flags.tokenReviewRoots),
            tokenFile: file(flags.tokenReviewToken),
            audiences,
          },
        }),
  });
}

const isHttps = (text: string): boolean => URL.canParse(text) && new URL(text).protocol === 'https:';
