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
  return mergedSlashes(canonical);
}

/** What follows a `;` does not hide plain dots; Envoy does this before it takes `\` for `/` and decodes anything. */
const withoutParameters = (segment: string): string => segment.replace(/^(\.{1,2});.*$/s, '$1');

/** Resolves `.` and `..`, also as `%2e`; `\` is `/`; letters are written plainly, what no URL may hold as `%XX`. */
function canonicalPath(path: string): string | undefined {
  if (/%00/.test(path)) return undefined;
  const plain = path.split('/').map(withoutParameters).join('/').replaceAll('\\', '/');
  const [, ...segments] = plain.split('/').map(canonicalSegment);
  const kept: string[] = [];
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (isLast) kept.push('');
  });
  return `/${kept.join('/')}`;
}

/** Envoy writes a path of nothing but several slashes as two. */
function mergedSlashes(path: string): string {
  if (!path.includes('//')) return path;
  const parts = path.split('/').filter((part) => part !== '');
  return `/${parts.join('/')}${path.endsWith('/') ? '/' : ''}`;
}

const isHex = (text: string): boolean => /^[0-9a-f]{2}$/i.test(text);

/** Escapes of letters are undone, and a `%` that would begin another one by that is escaped itself. */
function canonicalSegment(segment: string): string {
  let written = '';
  let lonePercent = -1;
  for (let at = 0; at < segment.length; at++) {
    const letter = segment.charAt(at);
    const code = letter === '%' ? segment.slice(at + 1, at + 3) : '';
    if (!isHex(code)) {
      if (letter === '%') lonePercent = written.length;
      written += escaped(letter);
      continue;
    }
    at += 2;
    const meant = String.fromCharCode(Number.parseInt(code, 16));
    if (!/[\w.~-]/.test(meant)) written += `%${code}`;
    else {
      written += meant;
      const after = `${written.slice(lonePercent + 1)}${segment.charAt(at + 1)}`;
      const isClose = lonePercent >= 0 && written.length - lonePercent <= 3;
      if (isClose && isHex(after.slice(0, 2)))
        written = `${written.slice(0, lonePercent)}%25${written.slice(lonePercent + 1)}`;
    }
  }
  return written;
}

const escaped = (letter: string): string =>
  /[ "<>^`{|}\x7f]/.test(letter) ? `%${letter.charCodeAt(0).toString(16).toUpperCase()}` : letter;

/** What of a path policies look at. */
export const withoutQuery = (path: string): string => path.split(/[?#]/, 1)[0] ?? '';

/** Whether a path has the form of `/cars/{*}/tires` or `/files/{**}`. */
export function fitsTemplate(path: string, template: string): boolean {
  const parts = template.split(/(\{\*\*?\})/).map((part) => openParts[part] ?? literal(part));
  return new RegExp(`^${parts.join('')}$`, 's').test(path);
}

const openParts: Readonly<Record<string, string>> = { '{*}': '[^/]+', '{**}': '.*' };
const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
