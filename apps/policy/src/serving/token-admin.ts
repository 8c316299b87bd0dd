// Tokens for programs on the operator's socket: who can open the state directory can give them out.
import type { FastifyInstance } from 'fastify';
import type { ProgramTokens } from '../identity/program-tokens.ts';

export function addTokenAdmin(server: FastifyInstance, tokens: ProgramTokens): void {
  server.post('/tokens', (request, reply) => {
    const [namespace = '', serviceAccount = ''] = ['namespace', 'serviceAccount'].map((name) => {
      const value: unknown = Reflect.get(Object(request.body), name);
      return typeof value === 'string' ? value : undefined;
    });
    const issued = tokens.issue(
      { namespace, serviceAccount },
      Number(Reflect.get(Object(request.body), 'ttlMs')),
    );
    if (issued.ok) return { token: issued.value };
    const [problem] = issued.diagnostics;
    return reply.code(400).send({ message: `${problem?.message}; ${problem?.remedy}` });
  });
}
