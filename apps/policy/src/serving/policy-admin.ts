// The operator's view of rules and handlers, beside that of quotas: what they did, and what they would say to a call.
import { type AttributeBag, type PolicyEngine, readAttributes, type Vocabulary } from '@xebec/policy';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { isOfType } from '../doors/attributes/bag-builder.ts';
import { shownDecision } from '../doors/http-json/answers.ts';

export interface PolicyAdminOptions {
  readonly engine: () => PolicyEngine;
  readonly vocabulary: () => Vocabulary;
  readonly registry: Registry;
}

/** Adds its routes to the server of the operator's socket. */
export function addPolicyAdmin(
  server: FastifyInstance,
  { engine, vocabulary, registry }: PolicyAdminOptions,
): void {
  server.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  server.get('/rules', () => ({ rules: engine().inspect().rules }));
  server.get('/handlers', () => ({ handlers: engine().inspect().handlers }));
  server.post('/check', async (request, reply) => {
    const known = vocabulary();
    const attributes = readAttributes(Reflect.get(Object(request.body), 'attributes') ?? {}, known);
    const problem = attributes.ok ? firstUnfit(attributes.value, known) : attributes.diagnostics[0]?.message;
    if (!attributes.ok || problem !== undefined) return reply.code(400).send({ message: problem });
    const outcome = await engine().check({ attributes: attributes.value });
    return shownDecision({ outcome, dropped: [], comparable: (references) => references });
  });
}

/** A caller's mistake would only be left out; whoever tries a call wants to know. */
function firstUnfit(attributes: AttributeBag, vocabulary: Vocabulary): string | undefined {
  for (const [name, value] of attributes) {
    const declared = vocabulary.get(name);
    if (declared === undefined)
      return `${name} is no attribute of this mesh: see "xebec get attributemanifests -A"`;
    if (!isOfType(value, declared.type)) return `${name} is of type ${declared.type}; the value given is not`;
  }
  return undefined;
}
