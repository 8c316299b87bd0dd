// How an adapter outside is reached: its address, how long to wait for it, and how both prove who they are.
import { andThen, type Decoder, oneOf, quote, text } from '../../decode/decoder.ts';
import { exactlyOne, object, optional, required } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { positiveDuration } from '../../values/duration.ts';
import { hostName } from '../../values/host.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import type { ConnectionAuthentication, HandlerConnection } from './spec.ts';

const addressPattern = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})$/;

const address: Decoder<string> = andThen(text, (written, walk) => {
  const found = addressPattern.exec(written);
  const isPort = found !== null && Number(found[2]) >= 1 && Number(found[2]) <= 65_535;
  if (written.length <= 300 && (isPort || /^unix:\/\/\/[\w./-]+$/.test(written))) return written;
  const message = `${quote(written)} is not an address that a gRPC server can have`;
  return refuse(walk, { code: 'invalid-address', message, remedy: 'write HOST:PORT or unix:///PATH' });
});

/** `secret:NAME/KEY` is a key of a Secret beside the handler. */
const secretPattern = /^secret:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/[\w.-]{1,253}$/;

const file: Decoder<string> = andThen(nonEmptyPrintable, (written, walk) =>
  secretPattern.test(written) || (written.startsWith('/') && !written.split('/').includes('..'))
    ? written
    : refuse(walk, {
        code: 'invalid-path',
        message: `${quote(written)} is neither the whole path of a file nor a key of a Secret`,
        remedy: 'write a path from the root on, without "..", or secret:NAME/KEY',
      }),
);

const shapes = {
  tls: {
    caCertificates: required(file),
    serverName: optional(hostName()),
    tokenPath: optional(file),
    authHeader: optional(oneOf('PLAIN', 'BEARER')),
    customHeader: optional(nonEmptyPrintable),
  },
  mutual: {
    privateKey: optional(file),
    clientCertificate: optional(file),
    caCertificates: optional(file),
    serverName: optional(hostName()),
  },
};

const tls: Decoder<ConnectionAuthentication> = andThen(
  object(shapes.tls, { later: ['oauth'] }),
  ({ caCertificates, serverName, tokenPath, authHeader = 'BEARER', customHeader }, walk) => {
    if (customHeader !== undefined && !isHeaderName(customHeader)) {
      const message = `${quote(customHeader)} is not a header name`;
      const remedy = 'use letters, digits and dashes, such as x-token';
      return refuse(walk, { code: 'invalid-header', message, remedy }, 'customHeader');
    }
    const named = serverName === undefined ? {} : { serverName };
    if (tokenPath === undefined) return { kind: 'tls', caCertificates, ...named };
    const token =
      customHeader === undefined
        ? { path: tokenPath, header: 'authorization', prefix: authHeader === 'BEARER' ? 'Bearer ' : '' }
        : { path: tokenPath, header: customHeader.toLowerCase(), prefix: '' };
    return { kind: 'tls', caCertificates, ...named, token };
  },
);

const isHeaderName = (name: string): boolean => /^[A-Za-z0-9-]{1,256}$/.test(name);

const files = ['privateKey', 'clientCertificate', 'caCertificates'] as const;

/** All files, or none: then the mesh's own certificate is shown and its roots are believed. */
const mutual: Decoder<ConnectionAuthentication> = andThen(object(shapes.mutual), (value, walk) => {
  const { privateKey, clientCertificate, caCertificates, serverName } = value;
  const named = serverName === undefined ? {} : { serverName };
  if (files.every((name) => value[name] === undefined)) return { kind: 'mesh', ...named };
  if (privateKey !== undefined && clientCertificate !== undefined && caCertificates !== undefined)
    return { kind: 'mutual', privateKey, clientCertificate, caCertificates, ...named };
  const missing = files.find((name) => value[name] === undefined) ?? '';
  const message = `the field "${missing}" is missing beside the other files`;
  return refuse(walk, { code: 'missing-field', message, remedy: `add "${missing}", or write mutual: {}` });
});

const authentication: Decoder<ConnectionAuthentication> = andThen(
  object({ tls: optional(tls), mutual: optional(mutual) }),
  (value, walk) => (exactlyOne(value, ['tls', 'mutual'], walk) ? (value.tls ?? value.mutual) : undefined),
);

export const connection: Decoder<HandlerConnection> = andThen(
  object({
    address: required(address),
    timeout: optional(positiveDuration),
    authentication: optional(authentication),
  }),
  ({ timeout, ...rest }) => ({ ...rest, ...(timeout === undefined ? {} : { timeoutMs: timeout }) }),
);
