// Tokens of Kubernetes service accounts, judged by an API server (authentication.k8s.io/v1 TokenReview). Whatever goes wrong there counts as no identity.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { SECOND_MS } from '../clock.ts';
import type { Authenticator } from './authenticator.ts';
import { ownerOfSubject } from './service-account-claims.ts';

export interface TokenReviewOptions {
  readonly trustDomain: string;
  /** One of them must be an audience that the server found. */
  readonly audiences: readonly string[];
  readonly review: (token: string, audiences: readonly string[]) => Promise<unknown>;
}

const MAX_TOKEN = 16 * 1_024;
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export const tokenReviewAuthenticator = ({
  trustDomain,
  audiences,
  review,
}: TokenReviewOptions): Authenticator => ({
  name: 'token-review',
  async authenticate({ bearerToken }) {
    if (bearerToken === undefined || bearerToken.length > MAX_TOKEN || !SHAPE.test(bearerToken))
      return undefined;
    const status: unknown = fieldOf(await review(bearerToken, audiences), 'status');
    const found: unknown = fieldOf(status, 'audiences');
    const isForUs = Array.isArray(found) && audiences.some((audience) => found.includes(audience));
    const isGood = fieldOf(status, 'authenticated') === true && (fieldOf(status, 'error') ?? '') === '';
    const owner = ownerOfSubject(fieldOf(fieldOf(status, 'user'), 'username'));
    return isGood && isForUs && owner !== undefined ? { trustDomain, ...owner } : undefined;
  },
});

const fieldOf = (value: unknown, name: string): unknown => Reflect.get(Object(value), name);

export interface ApiServer {
  /** `https://HOST:PORT`. */
  readonly url: string;
  /** Roots of the server's certificate; read at every call, for it is replaced. */
  readonly rootsFile: string;
  /** Our own token; read at every call, for it is replaced. */
  readonly tokenFile: string;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 5 * SECOND_MS;
const MAX_ANSWER = 64 * 1_024;
const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

/** Asks an API server over HTTPS; rejects when it does not answer as such. No redirect is followed. */
export const reviewWith =
  (server: ApiServer): TokenReviewOptions['review'] =>
  (token, audiences) => {
    const body = JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences },
    });
    return post(server, body);
  };

async function post({ url, rootsFile, tokenFile, timeoutMs }: ApiServer, body: string): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
  };
  const text = await new Promise<string>((resolve, reject) => {
    const call = request(
      new URL(PATH, url),
      { method: 'POST', headers, signal, ca: readFileSync(rootsFile), minVersion: 'TLSv1.2', agent: false },
      (answer) => {
        const parts: Buffer[] = [];
        let size = 0;
        answer.on('data', (part: Buffer) => {
          size += part.length;
          if (size > MAX_ANSWER) call.destroy(new Error('the answer is too long'));
          parts.push(part);
        });
        answer.on('error', reject);
        answer.on('end', () =>
          answer.statusCode === 200 || answer.statusCode === 201
            ? resolve(Buffer.concat(parts).toString('utf8'))
            : reject(new Error(`status ${answer.statusCode}`)),
        );
      },
    );
    call.on('error', reject).end(body);
  });
  const value: unknown = JSON.parse(text);
  return value;
}
