// Redirects, direct responses and rewrites.
import { andThen, type Decoder, integer, oneOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { base64 } from '../../values/base64.ts';
import { httpStatus, nonEmptyPrintable } from '../../values/http.ts';
import { port } from '../../values/numbers.ts';
import { regex } from '../../values/regex.ts';
import type { HttpActionSpec, RewriteSpec } from './spec.ts';

const authority: Decoder<string> = andThen(nonEmptyPrintable, (value, walk) =>
  value.length <= 300 && /^[\w.:[\]-]+$/.test(value)
    ? value
    : refuse(walk, {
        code: 'invalid-host',
        message: `${quote(value)} is not a host with an optional port`,
        remedy: 'write HOST or HOST:PORT',
      }),
);

const path: Decoder<string> = andThen(nonEmptyPrintable, (value, walk) => {
  if (value.startsWith('/')) return value;
  return refuse(walk, {
    code: 'invalid-path',
    message: `${quote(value)} is not a path`,
    remedy: 'start it with "/"',
  });
});

/** How tools that translate the Gateway API write "the matched prefix is replaced by what follows". */
const prefixMark = '%PREFIX()%';

const redirectPath: Decoder<string> = (value, walk) => {
  if (typeof value !== 'string' || !value.startsWith(prefixMark)) return path(value, walk);
  const rest = path(value.slice(prefixMark.length), walk);
  return rest === undefined ? undefined : `${prefixMark}${rest}`;
};

const scheme: Decoder<string> = andThen(text, (value, walk) =>
  value.length <= 32 && /^[a-z][a-z0-9+.-]*$/.test(value)
    ? value
    : refuse(walk, {
        code: 'invalid-scheme',
        message: `${quote(value)} is not a scheme`,
        remedy: 'write http or https',
      }),
);

type RedirectStatus = 301 | 302 | 303 | 307 | 308;
const redirectStatuses: readonly number[] = [301, 302, 303, 307, 308];
const isRedirect = (status: number): status is RedirectStatus => redirectStatuses.includes(status);

const redirectCode: Decoder<RedirectStatus> = andThen(integer(0, 999), (status, walk) =>
  isRedirect(status)
    ? status
    : refuse(walk, {
        code: 'unknown-value',
        message: `${status} is not a redirect`,
        remedy: `write one of ${redirectStatuses.join(', ')}`,
      }),
);

const redirectShape = {
  uri: optional(redirectPath),
  prefixRewrite: optional(path),
  authority: optional(authority),
  port: optional(port),
  derivePort: optional(oneOf('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT')),
  scheme: optional(scheme),
  redirectCode: withDefault<RedirectStatus>(redirectCode, 301),
};

type Redirect = Extract<HttpActionSpec, { readonly kind: 'redirect' }>;

export const redirect: Decoder<Redirect> = andThen(object(redirectShape), normalizeRedirect);

function normalizeRedirect(value: Decoded<typeof redirectShape>, walk: Walk): Redirect | undefined {
  const { redirectCode: status, derivePort, port: number, uri, prefixRewrite, ...others } = value;
  if (uri !== undefined && prefixRewrite !== undefined) {
    const message = 'uri and prefixRewrite exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'prefixRewrite');
  }
  const parts = { ...redirectPathOf(uri, prefixRewrite), ...others };
  if (derivePort !== undefined && number !== undefined) {
    const message = 'port and derivePort exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'derivePort');
  }
  const target = number ?? derivePort;
  if (target === undefined && Object.keys(parts).length === 0) {
    const message = 'redirects nowhere';
    return refuse(walk, {
      code: 'missing-field',
      message,
      remedy: 'add uri, prefixRewrite, authority, port or scheme',
    });
  }
  return { kind: 'redirect', ...parts, ...(target === undefined ? {} : { port: target }), status };
}

function redirectPathOf(uri: string | undefined, prefixRewrite: string | undefined) {
  if (uri?.startsWith(prefixMark)) return { prefixRewrite: uri.slice(prefixMark.length) };
  if (prefixRewrite !== undefined) return { prefixRewrite };
  return uri === undefined ? {} : { uri };
}

type Response = Extract<HttpActionSpec, { readonly kind: 'respond' }>;
const maxBodyBytes = 1_048_576;

const body: Decoder<Uint8Array> = andThen(
  object({ string: optional(text), bytes: optional(base64) }),
  (value, walk) => {
    if (!exactlyOne(value, ['string', 'bytes'], walk)) return undefined;
    const bytes = value.bytes ?? new TextEncoder().encode(value.string);
    if (bytes.length <= maxBodyBytes) return bytes;
    return refuse(walk, {
      code: 'too-many',
      message: `holds ${bytes.length} bytes, the most is ${maxBodyBytes}`,
      remedy: 'answer with less, or from a service',
    });
  },
);

export const directResponse: Decoder<Response> = andThen(
  object({ status: required(httpStatus), body: optional(body) }),
  (value): Response => ({ kind: 'respond', ...value }),
);

const substitution: Decoder<string> = andThen(text, (value, walk) =>
  /^(?:[^\\\p{Cc}]|\\[\\0-9])*$/u.test(value)
    ? value
    : refuse(walk, {
        code: 'invalid-text',
        message: `${quote(value)} is not a replacement`,
        remedy: 'write \\1 to \\9 for groups and \\\\ for a backslash',
      }),
);

const regexRewrite = object({ match: required(regex), rewrite: required(substitution) });

const rewriteShape = {
  uri: optional(path),
  authority: optional(authority),
  uriRegexRewrite: optional(regexRewrite),
};

export const rewrite: Decoder<RewriteSpec> = andThen(object(rewriteShape), (value, walk) => {
  const { uriRegexRewrite, ...parts } = value;
  if (uriRegexRewrite !== undefined && parts.uri !== undefined) {
    const message = 'uri and uriRegexRewrite exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'uriRegexRewrite');
  }
  if (uriRegexRewrite !== undefined) return { ...parts, regex: uriRegexRewrite };
  if (Object.keys(parts).length > 0) return parts;
  return refuse(walk, { code: 'missing-field', message: 'rewrites nothing', remedy: 'add uri or authority' });
});
