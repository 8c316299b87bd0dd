// HTTPAPISpecs in calls: rules and quotas of proxies' requests see operations and keys; programs say what they do themselves.
import { describe, expect, it } from 'vitest';
import { denier } from '../adapters/denier/denier.ts';
import { OK } from '../adapters/sdk.ts';
import type { PolicyObject } from '../configuration/policy-object.ts';
import { bag, engineOf, handler, instance, rule } from '../testing/test-engine.ts';

const at = { namespace: 'shop', name: 'pets' };
const text = (value: string) => ({ type: 'STRING', value }) as const;
const objects: readonly PolicyObject[] = [
  {
    kind: 'HTTPAPISpec',
    ...at,
    spec: {
      attributes: {},
      patterns: [
        {
          httpMethod: 'DELETE',
          uriTemplate: '/pets/{id}',
          attributes: { 'api.operation': text('deletePet') },
        },
      ],
      apiKeys: [],
    },
  },
  {
    kind: 'HTTPAPISpecBinding',
    ...at,
    spec: { services: [{ name: 'pets', namespace: 'shop', labels: {} }], apiSpecs: [at] },
  },
  handler({ name: 'deny' }, 'denier'),
  instance({ name: 'nothing' }, 'checknothing'),
  rule({ name: 'r' }, { match: 'api.operation == "deletePet"', send: { deny: ['nothing'] } }),
];

const request = {
  'destination.service.name': 'pets',
  'destination.service.namespace': 'shop',
  'request.method': 'DELETE',
  'request.path': '/pets/7',
};

describe('HTTPAPISpecs in calls', () => {
  it('give requests of proxies their operation, and are among the references', async () => {
    const { engine, problems } = await engineOf(objects, [denier]);
    expect(problems).toEqual([]);
    const outcome = await engine.check({
      attributes: bag({ ...request, 'context.reporter.kind': 'inbound' }),
    });
    expect(outcome.status.code).toBe(9);
    expect(outcome.references).toContainEqual({ name: 'request.path', isPresent: true });
  });

  it('do not speak for programs', async () => {
    const { engine } = await engineOf(objects, [denier]);
    expect((await engine.check({ attributes: bag(request) })).status).toEqual(OK);
  });

  it('decide nothing about a path that a server may take for another, and report it without an operation', async () => {
    const { engine } = await engineOf(objects, [denier]);
    for (const path of ['/pets//7', '/pets/7/', '/p%65ts/7', '/pets/a%2Fb']) {
      const outcome = await engine.check({
        attributes: bag({ ...request, 'request.path': path, 'context.reporter.kind': 'inbound' }),
      });
      expect([path, outcome.status.code]).toEqual([path, 7]);
      expect(outcome.status.message).toContain('api.operation is too large, malformed or ambiguous');
    }
    const plain = bag({ ...request, 'request.path': '/cats/7', 'context.reporter.kind': 'inbound' });
    expect((await engine.check({ attributes: plain })).status).toEqual(OK);
  });
});
