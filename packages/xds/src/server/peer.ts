// Who is at the other end. The rule: an identity counts only when the certificate was verified and says it unmistakably.
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Peer } from '../types.ts';

/** URI names of a subjectAltName text as Node prints it. Text with quoted parts is ambiguous and names nobody. */
export function uriNames(subjectAltName: string | undefined): readonly string[] {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return [];
  return subjectAltName
    .split(', ')
    .filter((part) => part.startsWith('URI:'))
    .map((part) => part.slice('URI:'.length));
}

export function peerOf(call: ServerDuplexStream<Buffer, Buffer>, isPlaintext: boolean): Peer {
  const certificate = call.getAuthContext().sslPeerCertificate;
  return {
    address: call.getPeer(),
    identities: isPlaintext ? [] : uriNames(certificate?.subjectaltname),
    ...(certificate === undefined
      ? {}
      : { serial: certificate.serialNumber, expiresAtMs: Date.parse(certificate.valid_to) }),
    isPlaintext,
  };
}

/** The token of the only `authorization: Bearer …` header; one that is longer than any token is none. */
export function bearerTokenOf(call: ServerDuplexStream<Buffer, Buffer>): string | undefined {
  const [header, ...others] = call.metadata.get('authorization');
  if (typeof header !== 'string' || others.length > 0) return undefined;
  const token = /^Bearer ([!-~]{1,16384})$/.exec(header)?.[1];
  return token;
}
