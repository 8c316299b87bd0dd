// The end user's token as the proxy of the destination would read it. What cannot be verified here is said, what would be refused is.
import type { Authentication, Cause, TokenRule } from '@xebec/model';
import type { Claims } from './claims.ts';
import type { AuthorizationQuestion, CheckScene } from './question.ts';

export type TokenReading =
  /** There is none, or nobody looks for one. */
  | { readonly kind: 'none'; readonly note?: string }
  | { readonly kind: 'verified'; readonly claims: Claims; readonly rule: TokenRule; readonly note?: string }
  | { readonly kind: 'refused'; readonly note: string; readonly cause?: Cause };

type Scene = Pick<CheckScene, 'isRunning' | 'nowMs' | 'isSigned'>;

export function readToken(
  { jwt: given, claims, headers = [] }: AuthorizationQuestion,
  authentication: Authentication,
  scene: Scene,
): TokenReading {
  const jwt = given ?? bearerIn(headers, authentication);
  if (claims === undefined && jwt === undefined) return { kind: 'none' };
  if (authentication.length === 0)
    return { kind: 'none', note: 'no RequestAuthentication holds there: nobody looks at the token' };
  if (claims !== undefined) return judge(claims, authentication, scene);
  const token = jwt === undefined ? undefined : partsOf(jwt);
  if (token === undefined) return refused('it is no JSON Web Token');
  return judge(token.claims, authentication, { ...scene, token });
}

const refused = (why: string, cause?: Cause): TokenReading => ({
  kind: 'refused',
  note: `the token is refused: ${why}`,
  ...(cause === undefined ? {} : { cause }),
});

/** Where rules look that do not say where. */
function bearerIn(
  headers: NonNullable<AuthorizationQuestion['headers']>,
  authentication: Authentication,
): string | undefined {
  const isUsual = authentication.some(
    ({ fromHeaders, fromParams, fromCookies }) =>
      fromHeaders.length + fromParams.length + fromCookies.length === 0,
  );
  const [, value] = headers.find(([name]) => name.toLowerCase() === 'authorization') ?? [];
  return isUsual && value?.startsWith('Bearer ') === true ? value.slice(7) : undefined;
}

interface Token {
  readonly text: string;
  readonly claims: Claims;
}

/** Proxies take no request whose headers are longer. */
const mostLetters = 60 * 1_024;

function partsOf(text: string): Token | undefined {
  if (text.length > mostLetters) return undefined;
  const [head, body, signature, ...rest] = text.trim().split('.');
  if (signature === undefined || rest.length > 0) return undefined;
  const claims = recordIn(body);
  return recordIn(head) === undefined || claims === undefined ? undefined : { text: text.trim(), claims };
}

function recordIn(part: string | undefined): Claims | undefined {
  try {
    const bytes = Uint8Array.from(atob((part ?? '').replaceAll('-', '+').replaceAll('_', '/')), (letter) =>
      letter.charCodeAt(0),
    );
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}

/** Proxies forgive clocks that go wrong by so much. */
const skewSeconds = 60;

/** One rule that accepts it is enough. */
function judge(
  claims: Claims,
  authentication: Authentication,
  scene: Scene & { readonly token?: Token },
): TokenReading {
  const { iss } = claims;
  const ofIssuer = authentication.filter(({ issuer }) => issuer === iss);
  if (ofIssuer.length === 0) return refused(`no rule is about its issuer, ${JSON.stringify(iss ?? null)}`);
  const problems = ofIssuer.map((rule) => ({ rule, problem: problemOf(claims, rule, scene) }));
  const good = problems.find(({ problem }) => problem === undefined);
  if (good === undefined) {
    const [first] = problems;
    return refused(first?.problem ?? '', first?.rule.cause);
  }
  const isChecked =
    scene.token !== undefined && good.rule.keySet !== undefined && scene.isSigned !== undefined;
  return {
    kind: 'verified',
    claims: inWords(claims, good.rule),
    rule: good.rule,
    ...(isChecked ? {} : { note: "the token's signature was not checked: it is taken to be right" }),
  };
}

function problemOf(
  claims: Claims,
  { audiences, keySet }: TokenRule,
  { token, isRunning, isSigned, nowMs = Date.now() }: Scene & { readonly token?: Token },
): string | undefined {
  const { aud, exp, nbf } = claims;
  const named = Array.isArray(aud) ? aud : [aud];
  if (audiences.length > 0 && !audiences.some((audience) => named.includes(audience)))
    return `it is not for ${audiences.join(' or ')}`;
  if (isWrongTime(exp) || isWrongTime(nbf)) return 'its times are no numbers';
  const now = nowMs / 1_000;
  if (typeof exp === 'number' && now > exp + skewSeconds) return 'it has expired';
  if (typeof nbf === 'number' && now + skewSeconds < nbf) return 'it is not valid yet';
  if (token === undefined) return undefined;
  if (keySet === undefined) return isRunning ? 'the keys of its issuer are not known' : undefined;
  return isSigned?.(token.text, keySet) === false ? 'its signature is not of its issuer' : undefined;
}

const isWrongTime = (value: unknown): boolean =>
  value !== undefined && (typeof value !== 'number' || value < 0);

/** Some claims are lists of words in one text. */
const inWords = (claims: Claims, { spaceDelimitedClaims }: TokenRule): Claims =>
  Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [
      name,
      typeof value === 'string' && spaceDelimitedClaims.includes(name)
        ? value.split(' ').filter((word) => word !== '')
        : value,
    ]),
  );

type Headers = Readonly<Record<string, readonly string[]>>;

/** What the token filter leaves of a request's headers: what it writes itself nobody else has written. */
export function headersAfter(headers: Headers, token: TokenReading, authentication: Authentication): Headers {
  const gone = new Set(
    authentication.flatMap(({ claimHeaders, payloadHeader }) => [
      ...claimHeaders.map(({ header }) => header),
      ...(payloadHeader === undefined ? [] : [payloadHeader]),
    ]),
  );
  if (token.kind === 'verified' && !token.rule.forwardsToken) gone.add('authorization');
  const kept = Object.entries(headers).filter(([name]) => !gone.has(name));
  const told = token.kind === 'verified' ? toldIn(token.rule, token.claims) : [];
  return Object.assign(Object.create(null), Object.fromEntries([...kept, ...told]));
}

const toldIn = (
  { claimHeaders }: TokenRule,
  claims: Claims,
): readonly (readonly [string, readonly string[]])[] =>
  claimHeaders.flatMap(({ header, claim }) => {
    let value: unknown = claims;
    for (const name of claim.split('.')) value = isRecord(value) ? value[name] : undefined;
    const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
    return isPlain ? [[header, [String(value)]] as const] : [];
  });

const isRecord = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
