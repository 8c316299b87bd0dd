// The port with the mesh's TLS. The rule: what a connection is for is agreed on in TLS before its first byte: calls of proxies themselves, gRPC or JSON of programs. Who presents a certificate that does not count, or that was taken back, is cut off, at once and later.
import { constants } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type IsRevoked, revocationCheck } from '@xebec/ca';
import { proxyProtocol } from '@xebec/policy';
import { type Result, succeed } from '@xebec/std';
import type { IdentityMaterial, PolicyIdentity } from '../identity/identity.ts';
import { cannotListen } from './cannot-listen.ts';
import { hostAndPort } from './host-and-port.ts';

/** Where connections go. */
export interface Takers {
  proxies(connection: TLSSocket): void;
  programs(connection: TLSSocket): void;
  /** HTTP/1.1. */
  json(connection: TLSSocket): void;
}

export interface MutualPort {
  readonly address: string;
  /** Takes no more connections; those that are open stay. */
  close(): void;
}

const handshakeMs = 10_000;
const mostConnections = 10_000;

export async function openMutualPort(
  address: string,
  identity: PolicyIdentity,
  takers: Takers,
): Promise<Result<MutualPort>> {
  const open = new Set<TLSSocket>();
  let isRevoked = revoked(identity.current, () => false);
  const server = createServer({
    ...contextOf(identity.current),
    // No certificate: a program may have a token; the doors say so.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
    ALPNProtocols: [proxyProtocol, 'h2', 'http/1.1'],
  });
  server.maxConnections = mostConnections;
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    if (!isWelcome(socket, isRevoked)) {
      socket.destroy();
      return;
    }
    rememberCertificate(socket);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    hand(socket, takers);
  });
  const bound = await listen(server, address);
  if (!bound.ok) return bound;
  const changes = identity.subscribe((material) => {
    server.setSecureContext(contextOf(material));
    isRevoked = revoked(material, isRevoked);
    for (const socket of [...open]) if (!isWelcome(socket, isRevoked)) socket.destroy();
  });
  return succeed({
    address: bound.value,
    close() {
      changes[Symbol.dispose]();
      server.close();
    },
  });
}

/** A session that is taken up again is not verified again: there is none. */
const contextOf = ({ certificatesPem, privateKeyPem, rootsPem }: IdentityMaterial) => ({
  cert: certificatesPem,
  key: privateKeyPem,
  ca: [...rootsPem],
  minVersion: 'TLSv1.2' as const,
  secureOptions: constants.SSL_OP_NO_TICKET,
});

/** Lists that cannot be read leave those before them in force. */
function revoked({ revocationsPem }: IdentityMaterial, before: IsRevoked): IsRevoked {
  const check = revocationCheck(revocationsPem);
  return check.ok ? check.value : before;
}

function isWelcome(socket: TLSSocket, isRevoked: IsRevoked): boolean {
  if (socket.destroyed) return false;
  const { raw } = socket.getPeerCertificate();
  return raw === undefined || (socket.authorized && !isRevoked(raw));
}

/**
 * Who it was when TLS verified it: reading the certificate out of the connection anew for each call costs as much as
 * deciding it, and a later handshake of the same connection proves nothing here.
 */
function rememberCertificate(socket: TLSSocket): void {
  const certificate = socket.getPeerCertificate(true);
  socket.getPeerCertificate = () => certificate;
}

/** The server chooses: who offers the protocol of proxies has it. Without any agreement it is JSON, as old clients of HTTP do not ask. */
function hand(socket: TLSSocket, takers: Takers): void {
  switch (socket.alpnProtocol) {
    case proxyProtocol:
      takers.proxies(socket);
      break;
    case 'h2':
      takers.programs(socket);
      break;
    default:
      takers.json(socket);
  }
}

function listen(server: Server, address: string): Promise<Result<string>> {
  const { host, shown, port } = hostAndPort(address);
  return new Promise((resolve) => {
    server.once('error', ({ message }) => resolve(cannotListen(address, message)));
    server.listen({ host, port }, () => {
      const bound = server.address();
      const given = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve(succeed(`${shown}:${given}`));
    });
  });
}
