// Patterns as Envoy compares them. Everything that somebody wrote is literal: no letter of it is a regular expression.
import type { TextPattern } from '@xebec/model';
import type { StringMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/string_pb';
import type { Fields } from '../resource.ts';

export type StringMatcher = Fields<typeof StringMatcherSchema>;

export const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

export const regexMatcher = (regex: string): StringMatcher => ({
  matchPattern: { case: 'safeRegex', value: { regex } },
});

/**
 * Of a path. Envoy's own templates know only some of the letters that paths may have: one of the others would lead
 * around a policy that denies.
 */
export function pathMatcher(pattern: TextPattern): StringMatcher {
  if (pattern.kind !== 'template') return textMatcher(pattern);
  const parts = pattern.value.split(/(\{\*\*?\})/);
  return regexMatcher(parts.map((part) => openParts[part] ?? literal(part)).join(''));
}

/** Of paths that have been normalized: a part of them begins with `.;` or `..;`. */
export const hiddenDots = regexMatcher('.*/\\.\\.?;.*');

const openParts: Readonly<Record<string, string>> = { '{*}': '[^/]+', '{**}': '.*' };

/** Of any text. A template is a path's own business. */
export function textMatcher(pattern: TextPattern, prefix = ''): StringMatcher {
  switch (pattern.kind) {
    case 'exact':
      return { matchPattern: { case: 'exact', value: `${prefix}${pattern.value}` } };
    case 'prefix':
      return { matchPattern: { case: 'prefix', value: `${prefix}${pattern.value}` } };
    case 'suffix':
      return { matchPattern: { case: 'suffix', value: pattern.value } };
    case 'present':
      return regexMatcher('.+');
    case 'template':
      return { matchPattern: { case: 'exact', value: pattern.value } };
  }
}

/** A pattern as a regular expression in which `any` stands for what is left open. */
function regexOf(pattern: TextPattern, any: string): string {
  switch (pattern.kind) {
    case 'exact':
    case 'template':
      return literal(pattern.value);
    case 'prefix':
      return `${literal(pattern.value)}${any}*`;
    case 'suffix':
      return `${any}*${literal(pattern.value)}`;
    case 'present':
      return `${any}+`;
  }
}

/** Of one of the values in a list with commas. Other values may hold bytes that are no text: `\\C` takes them, too. */
export const listedMatcher = (pattern: TextPattern): StringMatcher =>
  regexMatcher(`(?:\\C*,)?[ \\t]*${regexOf(pattern, '\\C')}[ \\t]*(?:,\\C*)?`);

/**
 * Hosts are the same in any case, with and without a port, unless the pattern names one, and with dots at their end: Envoy
 * takes one of them away, and servers may take the others.
 */
export function hostMatcher(pattern: TextPattern, isRefusal: boolean): StringMatcher {
  if (pattern.kind === 'present') return regexMatcher('.+');
  const host = `(?i)${hostRegex(pattern)}`;
  // Several fields of a request are one text with commas: what is refused is not hidden by others.
  return regexMatcher(isRefusal ? `(?i)(?:.*,)?[ \\t]*${hostRegex(pattern)}[ \\t]*(?:,.*)?` : host);
}

function hostRegex(pattern: Exclude<TextPattern, { readonly kind: 'present' }>): string {
  if (pattern.kind === 'prefix') return regexOf(pattern, '.');
  const [, name = '', port] = /^(.*?)\.*(:\d+)?$/s.exec(pattern.value) ?? [];
  return `${regexOf({ ...pattern, value: name }, '.')}\\.*${port ?? '(:[0-9]+)?'}`;
}

/** Of the SPIFFE id of a workload in a namespace. */
export const namespaceMatcher = (pattern: TextPattern): StringMatcher =>
  regexMatcher(`spiffe://[^/]+/ns/${regexOf(pattern, '[^/]')}/sa/[^/]+`);

/** Of the SPIFFE id of one service account, `NAMESPACE/NAME`. */
export function serviceAccountMatcher(account: string): StringMatcher {
  const [namespace = '', name = ''] = account.split('/');
  return regexMatcher(`spiffe://[^/]+/ns/${literal(namespace)}/sa/${literal(name)}`);
}
