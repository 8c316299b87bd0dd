// BrowserLogin: users of browsers log in at an OpenID issuer before a gateway serves them. What would let somebody around it is refused.
import { andThen, boolean, count, type Decoder, list, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { dnsSubdomain } from '../../values/names.ts';
import { defineKind, manifestOf } from '../define.ts';
import { policyTargets, targetGatewaysOf } from '../policy-targets.ts';
import type { BrowserLoginSpec } from './spec.ts';

const issuer: Decoder<string> = andThen(text, (written, walk) => {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const isWeb = /^https?:\/\/[^?#\s]+$/.test(written) && written.length <= 2_048;
  if (isWeb && url !== undefined && url.username === '' && url.password === '') return written;
  return refuse(walk, {
    code: 'invalid-url',
    message: `${quote(written)} is no issuer: its OpenID configuration cannot be asked for there`,
    remedy: 'write https://HOST or https://HOST/PATH, as the issuer calls itself',
  });
});

/** One name each, so that it is plain where a browser may be led. */
const host: Decoder<string> = andThen(text, (written, walk) => {
  if (
    written.length <= 253 &&
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(written)
  )
    return written;
  return refuse(walk, {
    code: 'invalid-host',
    message: `${quote(written)} is not one host name in lower case`,
    remedy: 'write each name that browsers use, such as shop.example, without a port',
  });
});

const plainPath = /^(\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+$/;
const openPath = /^(\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+(\/\*)?$/;

const path: Decoder<string> = andThen(text, (written, walk) => {
  if (written.length <= 256 && plainPath.test(written)) return written;
  const message = `${quote(written)} is not a path of its own`;
  return refuse(walk, { code: 'invalid-path', message, remedy: 'write /WORD/WORD without a query' });
});

const passThroughPath: Decoder<string> = andThen(text, (written, walk) => {
  if (written.length <= 256 && openPath.test(written)) return written;
  const message = `${quote(written)} does not say plainly which paths are open to everybody`;
  return refuse(walk, {
    code: 'invalid-path',
    message,
    remedy: 'write /healthz, or /public/* for all below it',
  });
});

const scope: Decoder<string> = andThen(text, (written, walk) => {
  if (/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(written)) return written;
  const message = `${quote(written)} is not the name of a scope`;
  return refuse(walk, { code: 'invalid-name', message, remedy: 'write one word a scope, such as email' });
});

const shape = {
  selector: optional(workloadSelector),
  ...policyTargets,
  hosts: required(list(host, { least: 1, most: 64 })),
  issuer: required(issuer),
  clientId: required(nonEmptyPrintable),
  credentialName: required(dnsSubdomain),
  scopes: withDefault<readonly string[]>(list(scope, { most: 32 }), ['openid']),
  redirectPath: withDefault(path, '/oauth2/callback'),
  logoutPath: withDefault(path, '/oauth2/logout'),
  passThroughPaths: withDefault<readonly string[]>(list(passThroughPath, { most: 64 }), []),
  forwardToken: withDefault(boolean, false),
  sessionKeyVersion: withDefault(count, 0),
};

function check(value: Decoded<typeof shape>, walk: Walk): BrowserLoginSpec | undefined {
  const {
    selector = {},
    targetRef: _ref,
    targetRefs: _refs,
    redirectPath,
    logoutPath,
    scopes,
    ...rest
  } = value;
  const targetGateways = targetGatewaysOf(value, walk);
  if (targetGateways === undefined) return undefined;
  if (redirectPath === logoutPath) {
    const message = 'redirectPath and logoutPath are one path';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'choose another path' }, 'logoutPath');
  }
  return {
    ...rest,
    ...(Object.keys(selector).length > 0 ? { selector } : {}),
    targetGateways,
    scopes: [...new Set(['openid', ...scopes])],
    redirectPath,
    logoutPath,
  };
}

export const browserLoginKind = defineKind({
  group: 'security.xebec.io',
  versions: ['v1alpha1'],
  isNamespaced: true,
  kind: 'BrowserLogin',
  plural: 'browserlogins',
  shortNames: ['bl'],
  body: andThen(
    manifestOf({ spec: required(andThen(object(shape), check)) }, { ignored: ['status'] }),
    (value) => value.spec,
  ),
});
