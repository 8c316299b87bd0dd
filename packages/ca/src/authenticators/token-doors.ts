// Who is known by a token: those of a configured issuer, and of an API server's service accounts. Without an option there is no such door.

import { readFileSync } from 'node:fs';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Authenticator } from './authenticator.ts';
import { jwtAuthenticator, readVerificationKeys, type VerificationKey } from './jwt.ts';
import { type ApiServer, reviewWith, tokenReviewAuthenticator } from './token-review.ts';

export interface TokenDoors {
  readonly tokenIssuer?: {
    readonly issuer: string;
    readonly audiences: readonly string[];
    /** JSON Web Key Set; read again when it changes. */
    readonly keysFile: string;
  };
  readonly tokenReview?: ApiServer & { readonly audiences: readonly string[] };
}

export function tokenAuthenticators(
  trustDomain: string,
  { tokenIssuer, tokenReview }: TokenDoors,
  onProblem: (diagnostic: Diagnostic) => void,
): Result<readonly Authenticator[]> {
  const doors: Authenticator[] = [];
  if (tokenIssuer !== undefined) {
    const { issuer, audiences, keysFile } = tokenIssuer;
    const keys = openKeys(keysFile, onProblem);
    if (!keys.ok) return keys;
    doors.push(jwtAuthenticator({ trustDomain, issuer, audiences, keys: keys.value, clock: Date.now }));
  }
  if (tokenReview !== undefined) {
    const { audiences, ...server } = tokenReview;
    doors.push(tokenReviewAuthenticator({ trustDomain, audiences, review: reviewWith(server) }));
  }
  return succeed(doors);
}

const readAgainAfterMs = 10_000;

/** Keys that cannot be read leave the last good ones in force. */
function openKeys(
  file: string,
  onProblem: (diagnostic: Diagnostic) => void,
): Result<() => readonly VerificationKey[]> {
  const first = readKeys(file);
  if (!first.ok) return first;
  let [keys, text, readAt] = [first.value.keys, first.value.text, performance.now()];
  return succeed(() => {
    if (performance.now() - readAt < readAgainAfterMs) return keys;
    readAt = performance.now();
    const next = readKeys(file);
    if (!next.ok) next.diagnostics.forEach(onProblem);
    else if (next.value.text !== text) ({ keys, text } = next.value);
    return keys;
  });
}

function readKeys(
  file: string,
): Result<{ readonly keys: readonly VerificationKey[]; readonly text: string }> {
  try {
    const text = readFileSync(file, 'utf8');
    const keys = readVerificationKeys(text);
    return keys.ok ? succeed({ keys: keys.value, text }) : keys;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      severity: 'error',
      code: 'cannot-read-keys',
      message: `the keys of the token issuer cannot be read: ${reason}`,
      remedy: 'name a readable JSON Web Key Set with --token-jwks',
    });
  }
}
