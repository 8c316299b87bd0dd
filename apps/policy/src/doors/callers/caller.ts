// Who is at the other end of a call. The rule: without a proven identity nobody is believed, unless the process was told to serve without.
import { createHash } from 'node:crypto';
import type * as grpc from '@grpc/grpc-js';
import { authenticateCall, type Identity } from '@xebec/ca';
import { addressOfPeer } from '../attributes/addresses.ts';
import type { DoorOptions } from '../options.ts';

/** `app`: says what it does itself; `proxy`: a certificate of a workload, at a door that only proxies use; `believed`: whatever it says. */
export type CallerKind = 'app' | 'proxy' | 'believed';

export interface Caller {
  readonly kind: CallerKind;
  /** Absent: nobody's. */
  readonly identity?: Identity;
  /** What proved it; a token is a program's, never a proxy's. */
  readonly proof?: 'certificate' | 'token';
  /** Absent for sockets of the file system. */
  readonly address?: string;
}

export interface Credentials {
  /** `IP:PORT`. */
  readonly peer: string;
  readonly peerCertificate: Uint8Array | undefined;
  readonly bearerToken: string | undefined;
  /** It came in plaintext, over a port of this machine. */
  readonly isLocal: boolean;
}

export type Identify = (credentials: Credentials, door: 'proxies' | 'apps') => Promise<Caller | undefined>;

interface Remembered {
  readonly identity: Identity;
  readonly untilMs: number;
}

const rememberedMs = 10_000;
const mostRemembered = 4_096;

/** Remembers for ten seconds whom a credential proves, so that a call costs no verification. */
export function createIdentify({ authenticators, plaintextCallers, now = Date.now }: DoorOptions): Identify {
  const known = new Map<string, Remembered>();
  /** A connection has one certificate for all its calls: no digest is needed to know it again. */
  const ofConnections = new WeakMap<Uint8Array, Remembered>();
  const identityOf = async (credentials: Credentials): Promise<Identity | undefined> => {
    const { peerCertificate, bearerToken } = credentials;
    if (peerCertificate === undefined) return bearerToken === undefined ? undefined : prove(credentials);
    if (bearerToken !== undefined) return prove(credentials);
    const remembered = ofConnections.get(peerCertificate);
    if (remembered !== undefined && now() < remembered.untilMs) return remembered.identity;
    ofConnections.delete(peerCertificate);
    const identity = await prove(credentials);
    if (identity !== undefined)
      ofConnections.set(peerCertificate, { identity, untilMs: now() + rememberedMs });
    return identity;
  };
  const prove = async (credentials: Credentials): Promise<Identity | undefined> => {
    const { peerCertificate, bearerToken } = credentials;
    const key = digestOf(peerCertificate, bearerToken);
    const remembered = known.get(key);
    if (remembered !== undefined && now() < remembered.untilMs) return remembered.identity;
    known.delete(key);
    const found = await authenticateCall(authenticators, credentials);
    if (known.size >= mostRemembered) known.clear();
    if (found !== undefined) known.set(key, { identity: found.identity, untilMs: now() + rememberedMs });
    return found?.identity;
  };
  return async (credentials, door) => {
    const address = addressOfPeer(credentials.peer);
    const from = address === undefined ? {} : { address };
    const byCertificate = await identityOf({ ...credentials, bearerToken: undefined });
    if (byCertificate !== undefined)
      return {
        ...from,
        identity: byCertificate,
        proof: 'certificate',
        kind: door === 'proxies' ? 'proxy' : 'app',
      };
    const byToken =
      door === 'proxies' ? undefined : await identityOf({ ...credentials, peerCertificate: undefined });
    if (byToken !== undefined) return { ...from, identity: byToken, proof: 'token', kind: 'app' };
    if (!credentials.isLocal) return undefined;
    if (plaintextCallers === 'proxies') return { ...from, kind: 'believed' };
    return plaintextCallers === 'apps' && door === 'apps' ? { ...from, kind: 'app' } : undefined;
  };
}

function digestOf(certificate: Uint8Array | undefined, token: string | undefined): string {
  const hash = createHash('sha256');
  hash.update(certificate ?? '').update('\0');
  hash.update(token ?? '');
  return hash.digest('base64');
}

type AnyCall =
  | grpc.ServerUnaryCall<Buffer, Buffer>
  | grpc.ServerDuplexStream<Buffer, Buffer>
  | grpc.ServerReadableStream<Buffer, Buffer>;

export function credentialsOf(call: AnyCall): Credentials {
  return {
    peer: call.getPeer(),
    peerCertificate: call.getAuthContext().sslPeerCertificate?.raw,
    bearerToken: bearerTokenOf(call.metadata.get('authorization')),
    isLocal: false,
  };
}

/** The token of the only `authorization: Bearer …` header. */
export function bearerTokenOf(headers: readonly unknown[]): string | undefined {
  const [header, ...others] = headers;
  if (typeof header !== 'string' || others.length > 0) return undefined;
  return /^Bearer ([!-~]{1,16384})$/.exec(header)?.[1];
}
