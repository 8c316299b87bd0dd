// RequestAuthentication: which tokens of end users are believed. A rule whose keys could not be trusted is refused.
import { andThen, boolean, type Decoder, list, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { positiveDuration } from '../../values/duration.ts';
import { headerName, nonEmptyPrintable, printable, removableHeader } from '../../values/http.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { defineKind, istioSecurity, manifestOf } from '../define.ts';
import { policyTargets, targetGatewaysOf } from '../policy-targets.ts';
import { type PublicKey, readKeySet } from './key-set.ts';
import type { JwtRule, RequestAuthenticationSpec, TokenKeysSpec } from './spec.ts';

const webAddress: Decoder<string> = andThen(text, (written, walk) => {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const isWeb = url !== undefined && /^https?:$/.test(url.protocol) && written.length <= 2_048;
  if (isWeb && url.username === '' && url.password === '') return written;
  return refuse(walk, {
    code: 'invalid-url',
    message: `${quote(written)} is not an address that keys can be fetched from`,
    remedy: 'write https://HOST/PATH, without a password',
  });
});

const keySet: Decoder<readonly PublicKey[]> = andThen(text, (written, walk) => {
  const read = readKeySet(written);
  if (read.kind === 'keys') return read.keys;
  return refuse(walk, { code: 'invalid-keys', message: read.message, remedy: read.remedy });
});

const names = (item: Decoder<string>) => withDefault<readonly string[]>(list(item, { most: 100 }), []);

const token = andThen(text, (written, walk) =>
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} is not the name of a parameter or a cookie`,
        remedy: 'use letters, digits, dashes and underscores',
      }),
);

const lowerHeader: Decoder<string> = andThen(headerName, (name) => name.toLowerCase());
/** Others read these headers: whatever a client has sent in them is removed. */
const outputHeader: Decoder<string> = andThen(removableHeader, (name) => name.toLowerCase());

const ruleShape = {
  issuer: required(nonEmptyPrintable),
  audiences: names(nonEmptyPrintable),
  jwks: optional(keySet),
  jwksUri: optional(webAddress),
  fromHeaders: withDefault(
    list(object({ name: required(lowerHeader), prefix: withDefault(printable, '') }), { most: 100 }),
    [],
  ),
  fromParams: names(token),
  fromCookies: names(token),
  outputPayloadToHeader: optional(outputHeader),
  outputClaimToHeaders: withDefault(
    list(object({ header: required(outputHeader), claim: required(nonEmptyPrintable) }), { most: 100 }),
    [],
  ),
  forwardOriginalToken: withDefault(boolean, false),
  timeout: withDefault(positiveDuration, 5_000),
  spaceDelimitedClaims: withDefault<readonly string[]>(list(nonEmptyPrintable, { most: 64 }), [
    'scope',
    'permission',
  ]),
};

function keysOf({ issuer, jwks, jwksUri }: Decoded<typeof ruleShape>, walk: Walk): TokenKeysSpec | undefined {
  if (jwks !== undefined && jwksUri !== undefined) {
    const message = 'jwks and jwksUri exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'jwksUri');
  }
  if (jwks !== undefined) return { kind: 'inline', keys: jwks };
  if (jwksUri !== undefined) return { kind: 'uri', uri: jwksUri };
  if (/^https?:\/\/[^?#]+$/.test(issuer) && URL.canParse(issuer)) return { kind: 'discovery' };
  const message = `nothing says where the keys of ${quote(issuer)} are: it is no address to ask at`;
  return refuse(walk, { code: 'missing-field', message, remedy: 'add jwksUri or jwks' });
}

const jwtRule: Decoder<JwtRule> = andThen(object(ruleShape), (value, walk) => {
  const { jwks: _jwks, jwksUri: _uri, timeout, ...rest } = value;
  const keys = keysOf(value, walk);
  if (keys === undefined || hasCircle(value, walk)) return undefined;
  return { ...rest, keys, timeoutMs: timeout };
});

/** A header that is written to is emptied first. */
function hasCircle(value: Decoded<typeof ruleShape>, walk: Walk): boolean {
  const { fromHeaders, outputClaimToHeaders, outputPayloadToHeader } = value;
  const reads = new Set(['authorization', ...fromHeaders.map(({ name }) => name)]);
  const writes = [outputPayloadToHeader, ...outputClaimToHeaders.map(({ header }) => header)];
  const twice = writes.find(
    (name, at) => name !== undefined && (reads.has(name) || writes.indexOf(name) < at),
  );
  if (twice === undefined) return false;
  const isRead = reads.has(twice);
  refuse(walk, {
    code: 'conflicting-fields',
    message: isRead
      ? `${quote(twice)} would hold the token and what is read out of it`
      : `${quote(twice)} is written twice`,
    remedy: 'choose another header',
  });
  return true;
}

const shape = {
  selector: optional(workloadSelector),
  ...policyTargets,
  jwtRules: withDefault<readonly JwtRule[]>(list(jwtRule, { most: 64 }), []),
};

function check(value: Decoded<typeof shape>, walk: Walk): RequestAuthenticationSpec | undefined {
  const { selector = {}, jwtRules } = value;
  const targetGateways = targetGatewaysOf(value, walk);
  if (targetGateways === undefined) return undefined;
  const isSelecting = Object.keys(selector).length > 0;
  return { ...(isSelecting ? { selector } : {}), targetGateways, jwtRules };
}

const nothing: RequestAuthenticationSpec = Object.freeze({ targetGateways: [], jwtRules: [] });

export const requestAuthenticationKind = defineKind({
  ...istioSecurity,
  kind: 'RequestAuthentication',
  plural: 'requestauthentications',
  shortNames: ['ra'],
  body: andThen(
    manifestOf(
      { spec: withDefault<RequestAuthenticationSpec>(andThen(object(shape), check), nothing) },
      { ignored: ['status'] },
    ),
    (value) => value.spec,
  ),
});
