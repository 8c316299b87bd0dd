// What an application can send to the policy service through its sidecar: every method of proxies, with whatever a proxy would say. The program is the same in a workload's network and outside of it.
import { execFile } from 'node:child_process';
import { create } from '@bufbuild/protobuf';
import { encode } from '@xebec/protos';
import { CheckRequestSchema } from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';

export const proxyMethods = [
  'envoy.service.auth.v3.Authorization/Check',
  'envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
  'envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
  'envoy.service.rate_limit_quota.v3.RateLimitQuotaService/StreamRateLimitQuotas',
] as const;

/** A request that somebody else is said to have made to echo. */
export const spoofedCheck = (path: string): Uint8Array =>
  encode(
    CheckRequestSchema,
    create(CheckRequestSchema, {
      attributes: {
        source: { principal: 'spiffe://cluster.local/ns/bank/sa/boss' },
        destination: { principal: 'spiffe://cluster.local/ns/default/sa/echo' },
        request: { http: { method: 'GET', host: 'echo', path } },
      },
    }),
  );

export interface Answered {
  readonly method: string;
  /** Of gRPC; -1: HTTP or the connection failed. */
  readonly code: number;
  readonly message: string;
}

export interface Attack {
  /** `http://HOST:PORT` that is dialed. */
  readonly dial: string;
  readonly authority: string;
  readonly methods: readonly string[];
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** A module that prints `Answered[]`. */
export const attackProgram = ({ body, ...attack }: Attack): string => `
  import { connect } from 'node:http2';
  const { dial, authority, methods, headers, body } = ${JSON.stringify({ ...attack, body: Buffer.from(body).toString('base64') })};
  const bytes = Buffer.from(body, 'base64');
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  const one = (method) => new Promise((resolve) => {
    const end = (code, message) => { session.destroy(); resolve({ method, code, message: decodeURIComponent(message ?? '') }); };
    const session = connect(dial);
    session.on('error', ({ message }) => end(-1, message));
    session.on('close', () => end(-1, 'closed')).setTimeout(15000, () => end(-1, 'timed out'));
    const stream = session.request({ ...headers, ':method': 'POST', ':authority': authority, ':path': '/' + method, 'content-type': 'application/grpc', te: 'trailers' });
    const seen = (fields) => { if (fields['grpc-status'] !== undefined) end(Number(fields['grpc-status']), fields['grpc-message']); };
    stream.on('response', (fields) => { if (fields[':status'] !== 200) end(-1, 'HTTP ' + fields[':status']); else seen(fields); });
    stream.on('trailers', seen).on('error', ({ message }) => end(-1, message)).resume();
    stream.end(frame);
  });
  const answers = [];
  for (const method of methods) answers.push(await one(method));
  console.log(JSON.stringify(answers));
  process.exit();
`;

/** Runs it here. */
export const attackFromHere = (attack: Attack): Promise<readonly Answered[]> =>
  new Promise((resolve, reject) => {
    const node = ['--input-type=module', '--eval', attackProgram(attack)];
    execFile(process.execPath, node, { timeout: 90_000 }, (error, stdout, stderr) =>
      error === null ? resolve(JSON.parse(stdout)) : reject(new Error(`${error.message}\n${stderr}`)),
    );
  });
