// What a request must look like for a route to take it.
import { andThen, boolean, type Decoder, list, mapOf, quote, text } from '../../decode/decoder.ts';
import { object, optional, withDefault } from '../../decode/object.ts';
import { type Complaint, caution, refuse, type Walk } from '../../decode/walk.ts';
import { checkMatchedHeader, nonEmptyPrintable } from '../../values/http.ts';
import { dnsLabel, isDnsLabel, isDnsSubdomain } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { StringMatch, TextMap } from '../../values/shapes.ts';
import { nonEmptyStringMatch, stringMatchOrPresent } from '../../values/string-match.ts';
import { labels } from '../../values/text-map.ts';
import { claimPath, isClaim } from './claims.ts';
import type { HttpMatchSpec } from './spec.ts';

/** `mesh`, `NAME` or `NAMESPACE/NAME`. */
export const gatewayReference: Decoder<string> = andThen(text, (written, walk) => {
  const [namespace = '', name, ...rest] = written.split('/');
  const isGood =
    rest.length === 0 &&
    (name === undefined ? isDnsSubdomain(namespace) : isDnsLabel(namespace) && isDnsSubdomain(name));
  if (isGood) return written;
  return refuse(walk, {
    code: 'invalid-name',
    message: `${quote(written)} does not name a Gateway`,
    remedy: 'write mesh, NAME or NAMESPACE/NAME',
  });
});

/** Istio ignores these as header names: whoever writes them means the fields beside `headers`. */
const pseudo = new Set(['uri', 'scheme', 'method', 'authority']);

function checkHeader(name: string): Complaint | undefined {
  if (isClaim(name)) return claimPath(name) === undefined ? noClaim(name) : undefined;
  if (!pseudo.has(name)) return checkMatchedHeader(name.startsWith(':') ? name.slice(1) : name);
  return {
    code: 'invalid-header',
    message: `"${name}" is no header to match`,
    remedy: `use the field "${name}" of the match`,
  };
}

const noClaim = (name: string): Complaint => ({
  code: 'invalid-header',
  message: `${quote(name)} is no claim of a token`,
  remedy: 'write @request.auth.claims.NAME, or @request.auth.claims[NAME][NAME]',
});

const headers = mapOf(stringMatchOrPresent, checkHeader, 256);

const checkParameter = (name: string): Complaint | undefined =>
  name !== '' && name.length <= 1_024
    ? undefined
    : {
        code: 'invalid-name',
        message: `${quote(name)} is not the name of a query parameter`,
        remedy: 'write 1 to 1,024 characters',
      };

const none: Readonly<Record<string, StringMatch>> = emptyMap;

const shape = {
  name: optional(nonEmptyPrintable),
  uri: optional(nonEmptyStringMatch),
  ignoreUriCase: withDefault(boolean, false),
  scheme: optional(nonEmptyStringMatch),
  method: optional(nonEmptyStringMatch),
  authority: optional(nonEmptyStringMatch),
  headers: withDefault(headers, none),
  withoutHeaders: withDefault(headers, none),
  queryParams: withDefault(mapOf(stringMatchOrPresent, checkParameter, 256), none),
  port: optional(port),
  statPrefix: optional(nonEmptyPrintable),
  sourceNamespace: optional(dnsLabel),
  gateways: withDefault<readonly string[]>(list(gatewayReference, { most: 1_000 }), []),
  sourceLabels: withDefault<TextMap>(labels, emptyMap),
};

export const httpMatch: Decoder<HttpMatchSpec> = andThen(object(shape), (match, walk) => {
  warnAboutUri(match, walk);
  return match;
});

function warnAboutUri({ uri, ignoreUriCase }: HttpMatchSpec, walk: Walk): void {
  if (uri === undefined || uri.kind === 'present') return;
  if (uri.kind !== 'regex' && !uri.value.startsWith('/') && uri.value !== '*') {
    const message = `no path starts with ${quote(uri.value)}`;
    caution(walk, { code: 'never-matches', message, remedy: 'start the path with "/"' }, 'uri', uri.kind);
  }
  if (uri.kind === 'regex' && ignoreUriCase) {
    const message = 'ignoreUriCase has no effect on a regex';
    caution(
      walk,
      { code: 'field-has-no-effect', message, remedy: 'start the regex with (?i)' },
      'ignoreUriCase',
    );
  }
}
