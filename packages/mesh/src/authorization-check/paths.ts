// Paths in the form in which Envoy compares and forwards them. What it would refuse has no such form.
import type { PathNormalization } from '@xebec/config';

/** The path of a request with its query; undefined: the proxy answers 400. */
export function normalizePath(path: string, mode: PathNormalization = 'BASE'): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#')) return undefined;
  const query = path.indexOf('?');
  const end = query < 0 ? path.length : query;
  const normal = normalizeSegments(path.slice(0, end), mode);
  return normal === undefined ? undefined : `${normal}${path.slice(end)}`;
}

function normalizeSegments(path: string, mode: PathNormalization): string | undefined {
  if (mode === 'NONE') return path;
  const decoded =
    mode === 'DECODE_AND_MERGE_SLASHES' ? path.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\') : path;
  const canonical = canonicalPath(decoded);
  if (canonical === undefined || mode === 'BASE') return canonical;
  return canonical.replaceAll(/\/{2,}/g, '/');
}

/** Resolves `.` and `..`, also as `%2e`; `\` is `/`; letters are written plainly, what no URL may hold as `%XX`. */
function canonicalPath(path: string): string | undefined {
  if (/%00/.test(path)) return undefined;
  const [, ...segments] = path.replaceAll('\\', '/').split('/').map(canonicalSegment);
  const kept: string[] = [];
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (isLast) kept.push('');
  });
  return `/${kept.join('/')}`;
}

const canonicalSegment = (segment: string): string =>
  segment
    .replaceAll(/%([0-9a-f]{2})/gi, (written, code: string) => {
      const letter = String.fromCharCode(Number.parseInt(code, 16));
      return /[\w.~-]/.test(letter) ? letter : written;
    })
    .replaceAll(/[ "<>^`{|}\x7f]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

/** What of a path policies look at. */
export const withoutQuery = (path: string): string => path.split(/[?#]/, 1)[0] ?? '';

const literals = "a-zA-Z0-9\\-._~%!$&'()+,;:@=";

/** Whether a path has the form of `/cars/{*}/tires` or `/files/{**}`. */
export function fitsTemplate(path: string, template: string): boolean {
  const regex = template
    .split(/(\{\*\*?\})/)
    .map((part) => {
      if (part === '{*}') return `[${literals}]+`;
      if (part === '{**}') return `[${literals}/]*`;
      return part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${regex}$`).test(path);
}
