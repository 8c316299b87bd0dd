// Someone to ask about calls: ext_authz over HTTP and gRPC, in the test's own process, doing what the request's headers say.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type CheckRequest,
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';

export interface Asked {
  readonly over: 'http' | 'grpc';
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Over gRPC: who calls. */
  readonly principal?: string;
}

export interface Judge {
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Everything asked so far. */
  readonly asked: Asked[];
  /** Of connections, which have no headers to say it. */
  allowsConnections: boolean;
  /** No answer is given at all. */
  isSilent: boolean;
  close(): void;
}

/** `x-judge: deny` is denied, everything else allowed. */
const isDenied = (headers: Readonly<Record<string, string>>): boolean => headers['x-judge'] === 'deny';

export async function startJudge(): Promise<Judge> {
  const open = new Set<Socket>();
  const web = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => answerWeb(judge, request, { response, body: Buffer.concat(parts).toString() }));
  });
  web.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  const rpc = new Server();
  const httpPort = await new Promise<number>((resolve) => {
    web.listen(0, '127.0.0.1', () => resolve((web.address() as AddressInfo).port));
  });
  rpc.addService(service, {
    Check: (call: { readonly request: Buffer }, answer: (error: null, value: Buffer) => void) => {
      const context = fromBinary(CheckRequestSchema, call.request).attributes;
      if (context === undefined || judge.isSilent) return;
      answer(null, Buffer.from(toBinary(CheckResponseSchema, answerRpc(judge, context))));
    },
  });
  const grpcPort = await new Promise<number>((resolve, reject) => {
    rpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  const judge: Judge = {
    httpPort,
    grpcPort,
    asked: [],
    allowsConnections: true,
    isSilent: false,
    close() {
      for (const socket of open) socket.destroy();
      web.close();
      rpc.forceShutdown();
    },
  };
  return judge;
}

const same = (value: Buffer): Buffer => value;
const service = {
  Check: {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
} as const;

interface WebAnswer {
  readonly response: ServerResponse;
  readonly body: string;
}

function answerWeb(judge: Judge, request: IncomingMessage, { response, body }: WebAnswer): void {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  judge.asked.push({ over: 'http', method: request.method ?? '', path: request.url ?? '', headers, body });
  if (judge.isSilent) return;
  if (isDenied(headers)) {
    response.writeHead(401, { 'x-why': 'http judge', 'x-inner': 'secret' }).end('no, says the judge');
  } else response.writeHead(200, { 'x-user': 'alice', 'x-inner': 'secret', 'x-seen': 'yes' }).end();
}

function answerRpc(
  judge: Judge,
  { request, source }: NonNullable<CheckRequest['attributes']>,
): CheckResponse {
  const { method = '', path = '', headers = {}, body = '' } = request?.http ?? {};
  const principal = source?.principal ?? '';
  judge.asked.push({ over: 'grpc', method, path, headers, body, principal });
  const isConnection = request?.http === undefined || method === '';
  if (isConnection ? !judge.allowsConnections : isDenied(headers)) {
    return create(CheckResponseSchema, {
      status: { code: 7 },
      httpResponse: {
        case: 'deniedResponse',
        value: {
          headers: [{ header: { key: 'x-why', value: 'grpc judge' } }],
          body: 'not here, says the judge',
        },
      },
    });
  }
  return create(CheckResponseSchema, {
    status: { code: 0 },
    httpResponse: {
      case: 'okResponse',
      value: {
        headers: [{ header: { key: 'x-user', value: 'bob' } }],
        headersToRemove: ['x-remove'],
        responseHeadersToAdd: [{ header: { key: 'x-seen', value: 'by grpc' } }],
      },
    },
  });
}
