// Asks a certificate service for a certificate over TLS; only roots that were given are trusted, and the answer is checked before use.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '@xebec/protos/istio/v1/auth/ca_pb';
import type { Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import { SECOND_MS } from '../clock.ts';
import { encodePem, parsePem } from '../der/pem.ts';
import { refusalDiagnostic, refuse } from '../refusal.ts';
import { CREATE_CERTIFICATE_PATH } from '../service/service-path.ts';
import { type CertificateFacts, readCertificate } from '../x509/certificate-reader.ts';
import { parseCsr } from '../x509/certificate-request.ts';

/** How a caller proves who it is: a one-time token, or the certificate it holds. */
export type Credential =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'certificate'; readonly certificatesPem: string; readonly privateKeyPem: string };

export interface CertificateRequest {
  /** `host:port`. */
  readonly address: string;
  /** Name in the server's certificate where it is not the address's host; Node warns once where neither is a name. */
  readonly serverName?: string;
  readonly rootsPem: readonly string[];
  readonly credential: Credential;
  readonly csrPem: string;
  readonly ttlMs?: number;
  readonly deadlineMs: number;
}

export interface ReceivedCertificate {
  /** Leaf and intermediates in one text. */
  readonly certificatesPem: string;
  /** The roots the authority trusts now, one text each. */
  readonly rootsPem: readonly string[];
  /** URI names of the leaf: its identity. */
  readonly spiffeId: string;
  /** Key identifier of who signed it, hexadecimal; empty where it does not say. */
  readonly issuer: string;
  /** Hexadecimal, upper case. */
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Codes of failures: `certificate-denied` (asking again the same way is in vain), `certificate-rate-limited` and
 * `certificate-authority-unavailable` (try later), `bad-certificate-answer`.
 */
export async function requestCertificate(request: CertificateRequest): Promise<Result<ReceivedCertificate>> {
  const key = parseCsr(request.csrPem);
  if (!key.ok) return key;
  const credentials = channelCredentials(request);
  if (!credentials.ok) return credentials;
  const client = new grpc.Client(request.address, credentials.value, channelOptions(request));
  try {
    const answer = await callService(client, request);
    return answer.ok ? readAnswer(answer.value, key.value.spki) : answer;
  } finally {
    client.close();
  }
}

/** Without roots gRPC would trust those of the system. */
function channelCredentials({ rootsPem, credential }: CertificateRequest): Result<grpc.ChannelCredentials> {
  const roots = Buffer.from(rootsPem.join(''));
  if (roots.length === 0) return badTrust();
  try {
    return succeed(
      credential.kind === 'token'
        ? grpc.credentials.createSsl(roots)
        : grpc.credentials.createSsl(
            roots,
            Buffer.from(credential.privateKeyPem),
            Buffer.from(credential.certificatesPem),
          ),
    );
  } catch {
    return badTrust();
  }
}

const badTrust = (): Result<never> =>
  refuse({
    code: 'bad-client-credentials',
    message: 'the roots, or the certificate and its key, cannot be used',
    remedy: "give the authority's root certificates, and a certificate with its own private key",
  });

/** A channel of its own: gRPC otherwise keeps and shares connections made with earlier credentials. */
const channelOptions = ({ serverName }: CertificateRequest): grpc.ChannelOptions => ({
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  ...(serverName === undefined
    ? {}
    : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }),
});

function callService(client: grpc.Client, request: CertificateRequest): Promise<Result<Buffer>> {
  const message = create(IstioCertificateRequestSchema, {
    csr: request.csrPem,
    validityDuration: BigInt(Math.ceil((request.ttlMs ?? 0) / SECOND_MS)),
  });
  const metadata = new grpc.Metadata();
  if (request.credential.kind === 'token') {
    metadata.set('authorization', `Bearer ${request.credential.token}`);
  }
  const bytes = Buffer.from(toBinary(IstioCertificateRequestSchema, message));
  const options = { deadline: Date.now() + request.deadlineMs };
  const passThrough = (buffer: Buffer): Buffer => buffer;
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      CREATE_CERTIFICATE_PATH,
      passThrough,
      passThrough,
      bytes,
      metadata,
      options,
      (error, answer) => {
        resolve(
          error !== null || answer === undefined ? callFailed(request.address, error) : succeed(answer),
        );
      },
    );
  });
}

const DENIED: ReadonlySet<number> = new Set([
  grpc.status.UNAUTHENTICATED,
  grpc.status.PERMISSION_DENIED,
  grpc.status.INVALID_ARGUMENT,
  grpc.status.UNIMPLEMENTED,
]);

function callFailed(address: string, error: grpc.ServiceError | null): Result<never> {
  const why = error === null ? 'no answer' : error.details;
  if (error !== null && DENIED.has(error.code)) {
    return refuse({
      code: 'certificate-denied',
      message: `${address} denied a certificate: ${why}`,
      remedy: 'get a new join token, or check that the current certificate is valid',
    });
  }
  if (error?.code === grpc.status.RESOURCE_EXHAUSTED) {
    return refuse({
      code: 'certificate-rate-limited',
      message: `${address} answers later: ${why}`,
      remedy: 'wait a little and ask again',
    });
  }
  return refuse({
    code: 'certificate-authority-unavailable',
    message: `${address} gave no certificate: ${why}`,
    remedy: 'check that the control plane runs and that its root certificates are the ones given',
  });
}

/** The last text holds the roots, the ones before are what to present; the leaf must be for the key that asked. */
function readAnswer(answer: Buffer, spki: Buffer): Result<ReceivedCertificate> {
  const chain = decodeAnswer(answer);
  const presented = readTexts(chain.slice(0, -1));
  const roots = readTexts(chain.slice(-1));
  const [leaf] = presented ?? [];
  const [spiffeId, ...others] = leaf?.uris ?? [];
  if (presented === undefined || roots === undefined || roots.length === 0) return badAnswer('not a chain');
  if (leaf === undefined || !leaf.spki.equals(spki)) return badAnswer('for another key');
  if (spiffeId === undefined || others.length > 0) return badAnswer('not for one identity');
  return succeed({
    certificatesPem: presented.map(certificatePem).join(''),
    rootsPem: roots.map(certificatePem),
    spiffeId,
    issuer: leaf.authorityKeyIdentifier?.toString('hex') ?? '',
    serial: leaf.serial,
    notBefore: leaf.notBeforeMs,
    notAfter: leaf.notAfterMs,
  });
}

const certificatePem = ({ der }: CertificateFacts): string => encodePem('CERTIFICATE', der);

function decodeAnswer(answer: Buffer): readonly string[] {
  try {
    return fromBinary(IstioCertificateResponseSchema, answer).certChain;
  } catch {
    return [];
  }
}

function readTexts(texts: readonly string[]): readonly CertificateFacts[] | undefined {
  const blocks = parsePem(texts.join('\n'));
  if (!blocks.ok) return undefined;
  const certificates = blocks.value.map(({ der }) => readCertificate(der));
  return certificates.every((read) => read.ok) ? certificates.map(({ value }) => value) : undefined;
}

const badAnswer = (why: string): Result<never> =>
  fail(
    refusalDiagnostic({
      code: 'bad-certificate-answer',
      message: `the certificate that was received is ${why}`,
      remedy: 'check what answers at this address',
    }),
  );
