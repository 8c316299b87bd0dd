// The own API over HTTP with JSON: `POST /v1/check`, `/v1/report`, `/v1/quotas/{allocate,release,inspect}`. A decision is always 200; other statuses mean that nothing was decided.
import { TLSSocket } from 'node:tls';
import { status as rpc } from '@grpc/grpc-js';
import { codeName, httpStatusOf } from '@xebec/policy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bearerTokenOf, type Credentials } from '../callers/caller.ts';
import type { Asking, PolicyCalls } from '../calls/policy-calls.ts';
import { mostMessageBytes } from '../limits.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, type Refusal, unknownCaller } from '../rpc/refusal.ts';
import { internal } from '../rpc/unary.ts';
import { type Answerers, answerers } from './answerers.ts';
import { type BadRequest, isBadRequest } from './read.ts';

const door = 'http';

const routes: readonly (readonly [string, keyof Answerers])[] = [
  ['/v1/check', 'check'],
  ['/v1/report', 'report'],
  ['/v1/quotas/allocate', 'allocate'],
  ['/v1/quotas/release', 'release'],
  ['/v1/quotas/inspect', 'inspect'],
];

export function addJsonRoutes(server: FastifyInstance, gate: Gate, calls: PolicyCalls): void {
  const answers = answerers(gate, calls);
  void server.register(async (scope) => {
    scope.removeContentTypeParser('application/json');
    // `__proto__` is a name like any other here: it becomes a key of its own, in maps.
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string', bodyLimit: mostMessageBytes },
      (_request, body, done) => {
        try {
          done(null, JSON.parse(String(body)));
        } catch {
          done(Object.assign(new Error('the body is no JSON'), { statusCode: 400 }));
        }
      },
    );
    for (const [path, name] of routes)
      scope.post(path, (request, reply) => serve({ gate, name, answers }, request, reply));
  });
}

interface Route {
  readonly gate: Gate;
  readonly name: keyof Answerers;
  readonly answers: Answerers;
}

async function serve(
  { gate, name, answers }: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const start = performance.now();
  const answer = await answerTo({ gate, name, answers }, request).catch(() => internal);
  const code = isRefusal(answer) ? answer.code : isBadRequest(answer) ? rpc.INVALID_ARGUMENT : rpc.OK;
  gate.metrics.countCall({ door, method: name, code, seconds: (performance.now() - start) / 1_000 });
  if (isRefusal(answer)) return refuse(reply, answer);
  if (isBadRequest(answer))
    return reply
      .code(400)
      .send({ error: { code: 3, name: 'INVALID_ARGUMENT', field: answer.field, message: answer.message } });
  return reply.send(answer);
}

async function answerTo(
  { gate, name, answers }: Route,
  request: FastifyRequest,
): Promise<object | Refusal | BadRequest> {
  const caller = await gate.identify(credentialsOf(request), 'apps');
  if (caller === undefined) return unknownCaller;
  const asking: Asking = { door, caller };
  return answers[name](asking, request.body);
}

function refuse(reply: FastifyReply, { code, details }: Refusal): FastifyReply {
  if (code === rpc.UNAUTHENTICATED) void reply.header('www-authenticate', 'Bearer');
  return reply.code(httpStatusOf(code)).send({ error: { code, name: codeName(code), message: details } });
}

function credentialsOf({ raw, headers }: FastifyRequest): Credentials {
  const { socket } = raw;
  const certificate =
    socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate() : undefined;
  return {
    peer: `[${socket.remoteAddress ?? ''}]:0`,
    peerCertificate: certificate?.raw,
    bearerToken: bearerTokenOf(headers.authorization === undefined ? [] : [headers.authorization]),
    isLocal: !(socket instanceof TLSSocket),
  };
}
