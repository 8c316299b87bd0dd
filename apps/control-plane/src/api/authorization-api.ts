// May this client do this there? Computed when somebody asks, from the policies that proxies have, had or would have.
import type { AuthorizationQuestion } from '@xebec/mesh';
import { type Result, succeed } from '@xebec/std';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type AskedMesh, checkerOfPipeline } from '../authorization/check-pipeline.ts';
import type { ControlPlaneContext } from '../context.ts';

interface AskedBody extends Partial<Omit<AskedMesh, 'defaultNamespace'>> {
  readonly namespace?: string;
}

interface CheckBody extends AskedBody {
  readonly question: AuthorizationQuestion;
}

interface ExplainBody extends AskedBody {
  readonly rule: string;
}

interface ListBody extends AskedBody {
  readonly to: string;
}

const text = { type: 'string', maxLength: 65_536 } as const;
const optionalTexts = Object.fromEntries(
  ['from', 'method', 'path', 'host', 'ip', 'sni', 'jwt'].map((name) => [name, text]),
);

const question = {
  type: 'object',
  required: ['to'],
  properties: {
    ...optionalTexts,
    to: text,
    claims: { type: 'object' },
    port: { type: 'integer', minimum: 0, maximum: 65_535 },
    headers: {
      type: 'array',
      maxItems: 1_000,
      items: { type: 'array', minItems: 2, maxItems: 2, items: text },
    },
  },
};

const askedMesh = {
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
};

const bodyOf = (name: string, schema: object) => ({
  schema: { body: { type: 'object', required: [name], properties: { ...askedMesh, [name]: schema } } },
});

export function addAuthorizationRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  const check = bodyOf('question', question);
  server.post<{ Body: CheckBody }>('/v1/authorization/check', check, ({ body }, reply) => {
    const checker = checkerFor(context, body);
    return answered(checker.ok ? checker.value.check(body.question) : checker, reply);
  });
  server.post<{ Body: ExplainBody }>('/v1/policy/plan', bodyOf('rule', text), ({ body }, reply) => {
    const checker = checkerFor(context, body);
    return answered(checker.ok ? checker.value.explain(body.rule) : checker, reply);
  });
  server.post<{ Body: ListBody }>('/v1/authorization/policies', bodyOf('to', text), ({ body }, reply) => {
    const checker = checkerFor(context, body);
    const held = checker.ok ? checker.value.list(body.to) : checker;
    return answered(held.ok ? succeed({ items: held.value }) : held, reply);
  });
}

const checkerFor = (
  context: ControlPlaneContext,
  { namespace = 'default', revision, documents = [] }: AskedBody,
) =>
  checkerOfPipeline(context, {
    defaultNamespace: namespace,
    documents,
    ...(revision === undefined ? {} : { revision }),
  });

const answered = (answer: Result<object>, reply: FastifyReply) =>
  answer.ok ? answer.value : reply.code(422).send({ diagnostics: answer.diagnostics });
