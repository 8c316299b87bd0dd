// One connection to a sidecar as a peer of the mesh makes it: who answers, or that nobody does.
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { Credentials } from './identity.ts';

/** The certificate that a sidecar serves to who presents this one; undefined when it is refused. */
export function handshake(address: string, mine: Credentials): Promise<X509Certificate | undefined> {
  return new Promise((resolve) => {
    const options = { host: address, port: 8080, rejectUnauthorized: false, ALPNProtocols: ['istio'] };
    const socket = connect({ ...options, key: mine.privateKeyPem, cert: mine.certificatesPem }, () => {
      const served = new X509Certificate(socket.getPeerCertificate().raw);
      // In TLS 1.3 a refusal comes after the client's side is done: an answer shows that there was none.
      socket.once('data', () => {
        socket.destroy();
        resolve(served);
      });
      socket.write('GET / HTTP/1.1\r\nhost: echo\r\n\r\n');
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
  });
}
