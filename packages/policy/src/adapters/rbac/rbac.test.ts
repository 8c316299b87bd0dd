// rbac, through an engine: roles, patterns, constraints, and what is not known.
import { describe, expect, it } from 'vitest';
import { bag, engineOf, handler, instance, rule } from '../../testing/test-engine.ts';
import { rbac } from './rbac.ts';

const params = {
  roles: [
    {
      name: 'reader',
      namespace: 'shop',
      rules: [{ services: ['products*'], methods: ['GET', 'HEAD'], paths: ['/products/*', '*/reviews'] }],
    },
    {
      name: 'tester',
      rules: [
        { services: ['*'], methods: ['*'], constraints: [{ key: 'version', values: ['v1', 'test-*'] }] },
      ],
    },
  ],
  bindings: [
    { role: 'reader', subjects: [{ user: 'ann' }, { group: 'staff' }] },
    { role: 'tester', subjects: [{ user: '*', properties: { namespace: 'testing' } }] },
  ],
};

const question = instance({ name: 'question' }, 'authorization', {
  subject: {
    user: 'source.user | ""',
    groups: 'request.auth.claims["group"] | ""',
    properties: { namespace: 'source.namespace | ""' },
  },
  action: {
    namespace: 'destination.namespace | "shop"',
    service: 'destination.service.name | ""',
    method: 'request.method | ""',
    path: 'request.path | ""',
    properties: { version: 'destination.labels["version"] | ""' },
  },
});

async function codeFor(said: Parameters<typeof bag>[0]): Promise<number> {
  const { engine, problems } = await engineOf(
    [
      handler({ name: 'roles' }, 'rbac', params),
      question,
      rule({ name: 'r' }, { send: { roles: ['question'] } }),
    ],
    [rbac],
  );
  expect(problems).toEqual([]);
  const base = {
    'destination.service.name': 'products',
    'request.method': 'GET',
    'request.path': '/products/1',
  };
  return (await engine.check({ attributes: bag({ ...base, ...said }) })).status.code;
}

describe('rbac', () => {
  it('allows what a role of the user or the group allows', async () => {
    expect(await codeFor({ 'source.user': 'ann' })).toBe(0);
    expect(await codeFor({ 'source.user': 'bob' })).toBe(7);
    const claims = new Map([['group', 'staff']]);
    expect(await codeFor({ 'source.user': 'bob', 'request.auth.claims': claims })).toBe(0);
  });

  it('is exact about methods, paths and namespaces', async () => {
    expect(await codeFor({ 'source.user': 'ann', 'request.method': 'POST' })).toBe(7);
    expect(await codeFor({ 'source.user': 'ann', 'request.path': '/admin' })).toBe(7);
    expect(await codeFor({ 'source.user': 'ann', 'request.path': '/admin/reviews' })).toBe(0);
    expect(await codeFor({ 'source.user': 'ann', 'destination.namespace': 'bank' })).toBe(7);
  });

  it('needs every constraint and property', async () => {
    const labels = new Map([['version', 'test-7']]);
    const testing = { 'source.namespace': 'testing', 'destination.labels': labels };
    expect(await codeFor(testing)).toBe(0);
    expect(await codeFor({ ...testing, 'source.namespace': 'shop' })).toBe(7);
    expect(await codeFor({ 'source.namespace': 'testing' })).toBe(7);
  });

  it('allows nothing when it is not said what is done', async () => {
    expect(await codeFor({ 'source.user': 'ann', 'request.method': '' })).toBe(7);
  });
});
