// URIs as Go's net/url reads and writes them. Rule: a sentence about what is wrong, in Go's words; nothing is resolved and nothing looked up.

export interface Uri {
  /** Lower case; empty without. */
  readonly scheme: string;
  readonly opaque: string;
  /** Escaped as written; `undefined` without. */
  readonly userInformation: string | undefined;
  readonly host: string;
  readonly path: string;
  /** With its `?`; empty without. */
  readonly query: string;
  readonly fragment: string;
}

export type UriRead =
  | { readonly ok: true; readonly uri: Uri }
  | { readonly ok: false; readonly problem: string };

export function readUri(text: string): UriRead {
  const result = parse(text);
  return typeof result === 'string'
    ? { ok: false, problem: `parse ${text}: ${result}` }
    : { ok: true, uri: result };
}

/** The URI, or what is wrong with it. */
function parse(text: string): Uri | string {
  if ([...text].some((one) => one < ' ' || one === '\u007f')) {
    return 'net/url: invalid control character in URL';
  }
  const [beforeFragment, fragment] = splitAt(text, '#');
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(beforeFragment)?.[1] ?? '';
  if (beforeFragment.startsWith(':')) return 'missing protocol scheme';
  const [rest, query] = splitAt(
    scheme === '' ? beforeFragment : beforeFragment.slice(scheme.length + 1),
    '?',
  );
  const written = { scheme: scheme.toLowerCase(), query, fragment: '' };
  const fragmentProblem = escapeProblem(fragment);
  const finish = (uri: Uri): Uri | string =>
    fragmentProblem ?? {
      ...uri,
      fragment: fragment === '#' ? '' : `${normalEscapes(fragment, fragmentCharacters)}`,
    };
  if (!rest.startsWith('/') && scheme !== '') {
    return finish({ ...written, opaque: rest, userInformation: undefined, host: '', path: '' });
  }
  if (/^[^/]*:/.test(rest)) return 'first path segment in URL cannot contain colon';
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'));
  const authority = hasAuthority ? (/^\/\/([^/]*)/.exec(rest)?.[1] ?? '') : '';
  const path = hasAuthority ? rest.slice(authority.length + 2) : rest;
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const userInformation = at < 0 ? undefined : authority.slice(0, at);
  const problem = hostProblem(host) ?? userProblem(userInformation) ?? escapeProblem(path);
  if (problem !== undefined) return problem;
  return finish({ ...written, opaque: '', userInformation, host, path: normalEscapes(path, pathCharacters) });
}

/** What is before a character, and the rest with it. */
function splitAt(text: string, character: string): readonly [string, string] {
  const at = text.indexOf(character);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

const pathCharacters = /^(?:[a-zA-Z0-9\-_.~!$&'()*+,;=:@/[\]]|%[0-9a-fA-F]{2})*$/;
const fragmentCharacters = /^#?(?:[a-zA-Z0-9\-_.~!$&'()*+,;=:@/?]|%[0-9a-fA-F]{2})*$/;

/** As written where nothing in it must be escaped; else escaped anew. */
function normalEscapes(text: string, allowed: RegExp): string {
  if (allowed.test(text)) return text;
  return [...text].map((one) => (allowed.test(one) || one === '%' ? one : escapeOne(one))).join('');
}

const escapeOne = (character: string): string =>
  [...new TextEncoder().encode(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');

function escapeProblem(text: string): string | undefined {
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/su.exec(text)?.[0];
  return wrong === undefined ? undefined : `invalid URL escape ${JSON.stringify(wrong)}`;
}

function userProblem(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!/^[a-zA-Z0-9\-._:~!$&'()*+,;=%@]*$/.test(text)) return 'net/url: invalid userinfo';
  return escapeProblem(text);
}

function hostProblem(host: string): string | undefined {
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']');
    if (end < 0) return "missing ']' in host";
    return (
      portProblem(host.slice(end + 1)) ?? characterProblem(host.slice(0, end + 1).replace(/%25.*\]$/, ']'))
    );
  }
  const colon = host.lastIndexOf(':');
  return portProblem(colon < 0 ? '' : host.slice(colon)) ?? characterProblem(host);
}

const portProblem = (text: string): string | undefined =>
  /^(?::\d*)?$/.test(text) ? undefined : `invalid port ${JSON.stringify(text)} after host`;

function characterProblem(host: string): string | undefined {
  const badEscape = /%(?![89a-fA-F][0-9a-fA-F]).{0,2}/su.exec(host)?.[0];
  if (badEscape !== undefined) return `invalid URL escape ${JSON.stringify(badEscape)}`;
  const wrong = /[^a-zA-Z0-9\-_.~!$&'()*+,;=:[\]<>"%\u0080-\u{10ffff}]/u.exec(host)?.[0];
  return wrong === undefined ? undefined : `invalid character ${JSON.stringify(wrong)} in host name`;
}

/** The host's name without brackets and port. */
export const hostName = ({ host }: Uri): string =>
  host.startsWith('[') ? host.slice(1, host.lastIndexOf(']')) : host.replace(/:\d*$/, '');

export const portOf = ({ host }: Uri): string => /:(\d*)$/.exec(host.replace(/^\[.*\]/, ''))?.[1] ?? '';

/** The URI as text, with another host where one is given. */
export function formatUri(uri: Uri, host = uri.host): string {
  const scheme = uri.scheme === '' ? '' : `${uri.scheme}:`;
  if (uri.opaque !== '') return `${scheme}${uri.opaque}${uri.query}${uri.fragment}`;
  const user = uri.userInformation === undefined ? '' : `${uri.userInformation}@`;
  const hasAuthority = host !== '' || user !== '' || (scheme !== '' && uri.path !== '');
  const authority = hasAuthority ? `//${user}${host}` : '';
  return `${scheme}${authority}${uri.path}${uri.query}${uri.fragment}`;
}
