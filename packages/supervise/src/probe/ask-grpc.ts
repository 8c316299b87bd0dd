// The question of a gRPC probe: `grpc.health.v1.Health/Check` over HTTP/2 in clear text, as Kubernetes asks it.
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import type { ProbeAction, ProbeAnswer, ProbeTarget } from './spec.ts';

type Grpc = Extract<ProbeAction, { kind: 'grpc' }>;

/** `HealthCheckResponse.ServingStatus`. */
const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** `HealthCheckRequest{service}` in a gRPC frame. */
function requestFrame(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, 127);
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** `HealthCheckResponse.status`: field 1, a varint; absent means 0. */
function statusOf(frame: Buffer): string {
  const value = frame[5] === 0x08 ? (frame[6] ?? 0) : 0;
  return statuses[value] ?? `status ${value}`;
}

export interface GrpcRoute {
  readonly timeoutMs: number;
  /** Where to ask from; default: any address. */
  readonly localAddress?: string;
}

/** Never rejects: what goes wrong is an answer. */
export function askGrpc(
  action: Grpc,
  target: ProbeTarget,
  { timeoutMs, localAddress }: GrpcRoute,
): Promise<ProbeAnswer> {
  const host = target.host;
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: action.port,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const session = connectHttp2(`http://${host}:${action.port}`, { createConnection: () => socket });
    const settle = (passing: boolean, message: string): void => {
      clearTimeout(timer);
      session.destroy();
      socket.destroy();
      resolve({ passing, message });
    };
    const timer = setTimeout(() => settle(false, `no answer within ${timeoutMs / 1_000} s`), timeoutMs);
    session.on('error', (error) => settle(false, error.message));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': 'kube-probe/xebec',
      te: 'trailers',
    });
    const parts: Buffer[] = [];
    let code = '';
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      code = String(headers['grpc-status'] ?? code);
    };
    stream.on('response', note).on('trailers', note);
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', (error) => settle(false, error.message));
    stream.on('end', () => {
      if (code !== '0') return settle(false, `gRPC status ${code || 'missing'}`);
      const status = statusOf(Buffer.concat(parts));
      settle(status === 'SERVING', status);
    });
    stream.end(requestFrame(action.service ?? ''));
  });
}
