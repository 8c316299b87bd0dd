// Claims of tokens in the place of headers: `@request.auth.claims.group`, or `@request.auth.claims[realm][roles]`.

const beginning = '@request.auth.claims';

export const isClaim = (name: string): boolean => name.startsWith('@');

/** The names that lead to the claim; undefined: it is not written like one. Dots inside brackets are part of a name. */
export function claimPath(name: string): readonly string[] | undefined {
  if (!name.startsWith(beginning) || name.length > 1_024) return undefined;
  const rest = name.slice(beginning.length);
  if (/^(\.[^.[\]]+)+$/.test(rest)) return rest.slice(1).split('.');
  if (/^(\[[^[\]]+\])+$/.test(rest)) return rest.slice(1, -1).split('][');
  return undefined;
}
