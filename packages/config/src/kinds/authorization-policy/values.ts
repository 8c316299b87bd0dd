// The values that policies compare with. A wildcard that would not mean what it looks like is refused.
import { andThen, type Decoder, list, quote, text } from '../../decode/decoder.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { ipAddressOrBlock } from '../../values/address.ts';
import { isDnsLabel, isDnsSubdomain } from '../../values/names.ts';
import type { PathPattern, TextPattern } from './spec.ts';

const invalid = (message: string, remedy: string): Complaint => ({
  code: 'invalid-pattern',
  message,
  remedy,
});
const mostLetters = 2_048;

export function patternOf(written: string, walk: Walk): TextPattern | undefined {
  if (written === '')
    return refuse(walk, invalid('the value is empty', 'write what to compare with, or "*"'));
  if (written.length > mostLetters)
    return refuse(
      walk,
      invalid(`the value has ${written.length} characters`, `write at most ${mostLetters}`),
    );
  if (written === '*') return { kind: 'present' };
  const stars = written.split('*').length - 1;
  if (stars === 0) return { kind: 'exact', value: written };
  if (stars === 1 && written.endsWith('*')) return { kind: 'prefix', value: written.slice(0, -1) };
  if (stars === 1 && written.startsWith('*')) return { kind: 'suffix', value: written.slice(1) };
  return refuse(
    walk,
    invalid(
      `${quote(written)} has a wildcard in the middle, or several`,
      'put one "*" at the beginning or at the end',
    ),
  );
}

export const pattern: Decoder<TextPattern> = andThen(text, patternOf);
export const patterns = list(pattern, { least: 1, most: 1_000 });

/** A SPIFFE id without its scheme. */
export const principals = list(
  andThen(text, (written, walk) =>
    written.startsWith('spiffe://')
      ? refuse(walk, invalid(`${quote(written)} has a scheme`, `write ${quote(written.slice(9))}`))
      : patternOf(written, walk),
  ),
  { least: 1, most: 1_000 },
);

/** Both halves may hold slashes: more of them than any has would only make the test long. */
const mostSlashes = 32;

/** `ISSUER/SUBJECT` of an end user's token. */
export const requestPrincipals = list(
  andThen(text, (written, walk) => {
    const pattern = patternOf(written, walk);
    if (pattern === undefined || pattern.kind === 'present') return pattern;
    const slashes = pattern.value.split('/').length - 1;
    const isWhole = pattern.kind !== 'exact' || /^.+\/.+$/s.test(pattern.value);
    if (isWhole && slashes <= mostSlashes) return pattern;
    const message = isWhole
      ? `${quote(written)} has more than ${mostSlashes} slashes`
      : `${quote(written)} is not a request principal`;
    return refuse(walk, invalid(message, 'write ISSUER/SUBJECT, as in https://issuer.example/alice'));
  }),
  { least: 1, most: 1_000 },
);

const isTemplate = (written: string): boolean => written.includes('{');

function templateOf(written: string, walk: Walk): PathPattern | undefined {
  const segments = written.split('/');
  const isGood =
    written.startsWith('/') &&
    segments.slice(1).every((part) => part === '{*}' || part === '{**}' || !/[{}*]/.test(part)) &&
    segments.filter((part) => part === '{**}').length <= 1;
  if (isGood) return { kind: 'template', value: written };
  return refuse(
    walk,
    invalid(
      `${quote(written)} is not a path template`,
      'write {*} for one part of the path, {**} for the rest, as in /cars/{*}/tires',
    ),
  );
}

export const paths = list(
  andThen(text, (written, walk): PathPattern | undefined =>
    isTemplate(written) ? templateOf(written, walk) : patternOf(written, walk),
  ),
  { least: 1, most: 1_000 },
);

const portNumber: Decoder<number> = andThen(text, (written, walk) => {
  const port = Number(written);
  if (/^[1-9]\d{0,4}$/.test(written) && port <= 65_535) return port;
  return refuse(
    walk,
    invalid(`${quote(written)} is not a port`, 'write a number from 1 to 65535, in quotes'),
  );
});

export const ports = list(portNumber, { least: 1, most: 1_000 });
export const blocks = list(ipAddressOrBlock, { least: 1, most: 1_000 });

/** `NAME` in the policy's own namespace, or `NAMESPACE/NAME`. */
export const serviceAccounts = list(
  andThen(text, (written, walk) => {
    const [namespace = '', name, ...rest] = written.includes('/')
      ? written.split('/')
      : [walk.metadata.namespace, written];
    if (name !== undefined && rest.length === 0 && isDnsLabel(namespace) && isDnsSubdomain(name))
      return `${namespace}/${name}`;
    return refuse(
      walk,
      invalid(`${quote(written)} is not a service account`, 'write NAME or NAMESPACE/NAME, without wildcard'),
    );
  }),
  { least: 1, most: 16 },
);
