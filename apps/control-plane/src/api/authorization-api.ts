// May this client do this there? Computed when somebody asks, from the policies that proxies have, had or would have.
import type { AuthorizationQuestion } from '@xebec/mesh';
import type { FastifyInstance } from 'fastify';
import { checkPipeline, type PipelineQuestion } from '../authorization/check-pipeline.ts';
import type { ControlPlaneContext } from '../context.ts';

interface CheckBody extends Partial<Omit<PipelineQuestion, 'question' | 'defaultNamespace'>> {
  readonly question: AuthorizationQuestion;
  readonly namespace?: string;
}

const text = { type: 'string', maxLength: 65_536 } as const;
const optionalTexts = Object.fromEntries(
  ['from', 'method', 'path', 'host', 'ip', 'sni'].map((name) => [name, text]),
);

const schema = {
  body: {
    type: 'object',
    required: ['question'],
    properties: {
      question: {
        type: 'object',
        required: ['to'],
        properties: {
          ...optionalTexts,
          to: text,
          port: { type: 'integer', minimum: 0, maximum: 65_535 },
          headers: {
            type: 'array',
            maxItems: 1_000,
            items: { type: 'array', minItems: 2, maxItems: 2, items: text },
          },
        },
      },
      namespace: text,
      revision: { type: 'integer', minimum: 0 },
      documents: {
        type: 'array',
        items: {
          type: 'object',
          required: ['file', 'text'],
          properties: { file: { type: 'string' }, text: { type: 'string' } },
        },
      },
    },
  },
};

export function addAuthorizationRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  server.post<{ Body: CheckBody }>('/v1/authorization/check', { schema }, (request, reply) => {
    const { question, namespace = 'default', revision, documents = [] } = request.body;
    const asked = { question, defaultNamespace: namespace, documents };
    const answer = checkPipeline(context, { ...asked, ...(revision === undefined ? {} : { revision }) });
    return answer.ok ? answer.value : reply.code(422).send({ diagnostics: answer.diagnostics });
  });
}
