// What a port speaks, from the words people use for it.
import { andThen, type Decoder, quote, text } from '../decode/decoder.ts';
import { suggestion } from '../decode/suggest.ts';
import { refuse } from '../decode/walk.ts';
import type { Protocol } from './shapes.ts';

/** MySQL is TCP to the mesh: no stock proxy reads it. */
const byWord: ReadonlyMap<string, Protocol> = new Map([
  ['http', 'http'],
  ['http2', 'http2'],
  ['grpc', 'grpc'],
  ['grpc-web', 'grpc-web'],
  ['https', 'https'],
  ['tls', 'tls'],
  ['tcp', 'tcp'],
  ['udp', 'udp'],
  ['mongo', 'mongo'],
  ['mysql', 'tcp'],
  ['redis', 'redis'],
]);

const byAppProtocol: ReadonlyMap<string, Protocol> = new Map([
  ['kubernetes.io/h2c', 'http2'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/wss', 'https'],
]);

/** Ports whose servers speak first, so that waiting for the client would delay them: FTP, SSH, SMTP, DNS, POP3, NNTP, IMAP, submission, MySQL, VNC, MongoDB. */
const serverFirstPorts: ReadonlySet<number> = new Set([
  21, 22, 25, 53, 110, 119, 143, 587, 3306, 5900, 27_017,
]);

/** What a port speaks that nobody says anything about. */
export const unsaidProtocol = (port: number): Protocol => (serverFirstPorts.has(port) ? 'tcp' : 'auto');

/** The protocol of an Istio port: required words, any case. */
export const protocolWord: Decoder<Protocol> = andThen(text, (word, walk) => {
  if (word === '') return 'auto';
  const protocol = byWord.get(word.toLowerCase());
  if (protocol !== undefined) return protocol;
  const words = [...byWord.keys()].map((name) => name.toUpperCase());
  return refuse(walk, {
    code: 'unknown-value',
    message: `${quote(word)} is not a protocol`,
    remedy: suggestion(word, words),
  });
});

export interface PortWords {
  readonly transport: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol?: string | undefined;
  readonly name: string;
  readonly port: number;
}

/** The protocol of a Kubernetes port: `appProtocol`, else the name up to its first dash, else server-first ports. */
export function protocolOfPort({ transport, appProtocol, name, port }: PortWords): Protocol {
  if (transport === 'UDP') return 'udp';
  if (transport === 'SCTP') return 'tcp';
  if (appProtocol !== undefined) {
    const word = appProtocol.toLowerCase();
    return byAppProtocol.get(word) ?? byWord.get(word) ?? 'auto';
  }
  const lower = name.toLowerCase();
  if (lower === 'grpc-web' || lower.startsWith('grpc-web-')) return 'grpc-web';
  const [prefix = ''] = lower.split('-', 1);
  return byWord.get(prefix) ?? unsaidProtocol(port);
}
