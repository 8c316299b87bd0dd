// `istio.v1.auth.IstioCertificateService` on gRPC: carries bytes and credentials between the transport and the handler.
import { create, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { IstioCertificateResponseSchema } from '@xebec/protos/istio/v1/auth/ca_pb';
import {
  type CertificateAnswer,
  type CertificateCall,
  type CertificateServiceOptions,
  createCertificateHandler,
} from './certificate-handler.ts';
import { CREATE_CERTIFICATE_PATH } from './service-path.ts';

type Call = grpc.ServerUnaryCall<Buffer, Buffer>;

const passThrough = (bytes: Buffer): Buffer => bytes;

const DEFINITION: grpc.ServiceDefinition = {
  CreateCertificate: {
    path: CREATE_CERTIFICATE_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: passThrough,
    requestDeserialize: passThrough,
    responseSerialize: passThrough,
    responseDeserialize: passThrough,
  },
};

/** Adds the service to a server, whose credentials decide whether client certificates are asked for. */
export function addCertificateService(server: grpc.Server, options: CertificateServiceOptions): void {
  const handle = createCertificateHandler(options);
  server.addService(DEFINITION, {
    CreateCertificate: (call: Call, respond: grpc.sendUnaryData<Buffer>) => {
      void handle(readCall(call)).then((answer) => sendAnswer(answer, respond));
    },
  });
}

/** grpc-js hands out a client certificate only when TLS found its chain valid. */
function readCall(call: Call): CertificateCall {
  return {
    peer: call.getPeer(),
    bearerToken: readBearerToken(call.metadata),
    peerCertificate: call.getAuthContext().sslPeerCertificate?.raw,
    request: call.request,
  };
}

function readBearerToken(metadata: grpc.Metadata): string | undefined {
  const [header, ...others] = metadata.get('authorization');
  if (typeof header !== 'string' || others.length > 0) return undefined;
  return /^Bearer ([^\s,]+)$/i.exec(header)?.[1];
}

function sendAnswer(answer: CertificateAnswer, respond: grpc.sendUnaryData<Buffer>): void {
  if (!answer.ok) {
    respond({ code: grpc.status[answer.status], details: answer.message });
    return;
  }
  const response = create(IstioCertificateResponseSchema, { certChain: [...answer.chainPem] });
  respond(null, Buffer.from(toBinary(IstioCertificateResponseSchema, response)));
}
