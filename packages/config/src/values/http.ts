// Parts of HTTP messages: names, values and codes that cannot smuggle a second header or break Envoy's formatter.
import { andThen, type Decoder, integer, mapOf, quote, text } from '../decode/decoder.ts';
import { type Complaint, refuse } from '../decode/walk.ts';
import { checkFormat } from './format-string.ts';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/;

const isHeaderName = (name: string): boolean => name.length <= 256 && token.test(name);

const invalidHeader = (name: string): Complaint => ({
  code: 'invalid-header',
  message: `${quote(name)} is not a header name`,
  remedy: 'use letters, digits and dashes, such as x-user',
});

/** A header to match on. */
export const checkMatchedHeader = (name: string): Complaint | undefined =>
  isHeaderName(name) ? undefined : invalidHeader(name);

/** A header to set, add or remove: not those that Envoy routes by. */
function checkMutableHeader(name: string): Complaint | undefined {
  if (name.startsWith(':') || name.toLowerCase() === 'host') {
    return {
      code: 'invalid-header',
      message: `${quote(name)} cannot be changed here`,
      remedy: 'use rewrite.authority or rewrite.uri',
    };
  }
  return isHeaderName(name) ? undefined : invalidHeader(name);
}

/** Text without control characters. */
export const printable: Decoder<string> = andThen(text, (value, walk) =>
  control.test(value) || value.length > 16_384
    ? refuse(walk, {
        code: 'invalid-text',
        message: `${quote(value)} holds control characters or is too long`,
        remedy: 'remove line breaks and other control characters',
      })
    : value,
);

export const nonEmptyPrintable: Decoder<string> = andThen(printable, (value, walk) =>
  value === ''
    ? refuse(walk, { code: 'missing-field', message: 'must not be empty', remedy: 'write a value' })
    : value,
);

/** A header's value; `%NAME%` is one of Envoy's command operators. */
const headerValue: Decoder<string> = andThen(printable, (value, walk) => {
  const complaint = checkFormat(value);
  return complaint === undefined ? value : refuse(walk, complaint);
});

/** Headers to set or add, with their values. */
export const headerValues = mapOf(headerValue, checkMutableHeader, 1_000);

/** The header that names the host a request is for. */
export const isAuthority = (name: string): boolean => [':authority', 'host'].includes(name.toLowerCase());

/** Headers of requests to set or add: also the authority, as `host` or `:authority`. */
export const requestHeaderValues = mapOf(
  headerValue,
  (name) => (isAuthority(name) ? undefined : checkMutableHeader(name)),
  1_000,
);

/** The name of a header to remove. */
export const removableHeader: Decoder<string> = andThen(text, (name, walk) => {
  const complaint = checkMutableHeader(name);
  return complaint === undefined ? name : refuse(walk, complaint);
});

export const headerName: Decoder<string> = andThen(text, (name, walk) =>
  isHeaderName(name) ? name : refuse(walk, invalidHeader(name)),
);

export const httpMethod: Decoder<string> = andThen(text, (method, walk) =>
  isHeaderName(method)
    ? method
    : refuse(walk, {
        code: 'invalid-method',
        message: `${quote(method)} is not an HTTP method`,
        remedy: 'write a method such as GET',
      }),
);

/** 200–599, what Envoy can answer by itself. */
export const httpStatus = integer(200, 599);
