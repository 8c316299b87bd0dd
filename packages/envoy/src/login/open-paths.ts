// Paths that need no login, as patterns. A path that a server might read in another way than we do is not among them.

/** Not first a dot (`..`, `..;`), no escapes, no parameters. */
const segment = "[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_.~!$&'()*+,=:@-]*";

/** Of the whole `:path`, with its query. */
export function openPathPattern(path: string): string {
  const isTree = path.endsWith('/*');
  const literal = (isTree ? path.slice(0, -1) : path).replaceAll('.', '\\.');
  return `${literal}${isTree ? `(${segment}(/${segment})*/?)?` : ''}(\\?.*)?`;
}
