// What a verified token says about the end user, as proxies compare it: only texts and lists of texts count.

export type Claims = Readonly<Record<string, unknown>>;

/** `ISSUER/SUBJECT`; absent unless the token has both. */
export function requestPrincipalOf(claims: Claims | undefined): string | undefined {
  const { iss, sub } = claims ?? {};
  const isWhole = typeof iss === 'string' && typeof sub === 'string' && iss !== '' && sub !== '';
  return isWhole ? `${iss}/${sub}` : undefined;
}

/** The texts that a claim consists of; of anything else none. */
export function textsOfClaim(claims: Claims | undefined, path: readonly string[]): readonly string[] {
  let value: unknown = claims;
  for (const name of path) value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

const isRecord = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
