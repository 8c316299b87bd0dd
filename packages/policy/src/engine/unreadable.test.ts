// Attributes that are there and cannot be read: rules that need them are not decided by their absence, so that nobody escapes a rule by making a request too large.
import { describe, expect, it } from 'vitest';
import { denier } from '../adapters/denier/denier.ts';
import { listAdapter } from '../adapters/list/list.ts';
import { type Adapter, OK } from '../adapters/sdk.ts';
import type { AttributeBag, AttributeValue, UnreadableAttributes } from '../attributes/value.ts';
import type { PolicyObject } from '../configuration/policy-object.ts';
import { engineOf, handler, instance, rule } from '../testing/test-engine.ts';

const unreadable = (
  names: Readonly<Record<string, readonly string[]>>,
  attributes: Readonly<Record<string, AttributeValue>> = {},
): AttributeBag => {
  const left: UnreadableAttributes = new Map(
    Object.entries(names).map(([name, keys]) => [name, new Set(keys)]),
  );
  return Object.assign(new Map(Object.entries(attributes)), { unreadable: left });
};

const deny = (match: string, more: object = {}): readonly PolicyObject[] => [
  handler({ name: 'deny' }, 'denier'),
  instance({ name: 'nothing' }, 'checknothing'),
  rule({ name: 'r' }, { match, send: { deny: ['nothing'] }, ...more }),
];

const adapters = [denier, listAdapter()];
const statusOf = async (objects: readonly PolicyObject[], attributes: AttributeBag) => {
  const { engine, problems } = await engineOf(objects, adapters);
  expect(problems).toEqual([]);
  return (await engine.check({ attributes })).status;
};

describe('an attribute that cannot be read', () => {
  it('does not let a call past a rule that asks for it', async () => {
    const query = deny('request.query_params["admin"] == "1"');
    const refused = {
      code: 7,
      message:
        'deny.istio-system:match: request.query_params is too large, malformed or ambiguous, or its adapter failed',
    };
    expect(await statusOf(query, unreadable({ 'request.query_params': [] }))).toEqual(refused);
    const withDefault = deny('(request.query_params["admin"] | "none") == "1"');
    expect(await statusOf(withDefault, unreadable({ 'request.query_params': [] }))).toEqual(refused);
    expect(await statusOf(query, unreadable({ 'request.path': [] }))).toEqual(OK);
  });

  it('is only its key where a map has others', async () => {
    const bag = unreadable(
      { 'request.headers': ['x-role'] },
      { 'request.headers': new Map([['x-user', 'ann']]) },
    );
    expect(await statusOf(deny('request.headers["x-user"] == "bob"'), bag)).toEqual(OK);
    expect(await statusOf(deny('request.headers["x-role"] == "bad"'), bag)).toMatchObject({ code: 7 });
  });

  it('is as the failure policy says, and not kept by anybody', async () => {
    const { engine } = await engineOf(
      deny('request.path.startsWith("/admin")', { failurePolicy: 'open' }),
      adapters,
    );
    const outcome = await engine.check({ attributes: unreadable({ 'request.path': [] }) });
    expect(outcome).toMatchObject({ status: OK, validDurationMs: 0, validUseCount: 1 });
    expect(engine.inspect().rules).toMatchObject([{ failed: 1 }]);
  });

  it('is no value of an instance either, whatever stands in for what is absent', async () => {
    const listed = [
      handler({ name: 'list' }, 'list', { overrides: ['bad'], blacklist: true }),
      instance({ name: 'agent' }, 'listentry', { value: 'request.useragent | "none"' }),
      rule({ name: 'r' }, { send: { list: ['agent'] } }),
    ];
    expect(await statusOf(listed, unreadable({}))).toEqual(OK);
    expect(await statusOf(listed, unreadable({ 'request.useragent': [] }))).toEqual({
      code: 7,
      message:
        'list.istio-system:request.useragent is too large, malformed or ambiguous, or its adapter failed',
    });
  });

  it('spoils what would be produced of it, as does an adapter that fails', async () => {
    let isWell = true;
    const generate = () => {
      if (!isWell) throw new Error('away');
      return { source_namespace: 'shop' };
    };
    const producer: Adapter = {
      name: 'kubernetesenv',
      description: 'a test',
      templates: ['kubernetes'],
      parse: () => ({ ok: true, value: {}, warnings: [] }),
      build: () => ({ generate }),
    } as unknown as Adapter;
    const objects = [
      handler({ name: 'k' }, 'kubernetesenv'),
      {
        ...instance({ name: 'who' }, 'kubernetes', { source_uid: 'request.useragent | ""' }),
        spec: {
          compiledTemplate: 'kubernetes',
          params: { source_uid: 'request.useragent | ""' },
          attributeBindings: { 'source.namespace': '$out.source_namespace' },
        },
      } as PolicyObject,
      rule({ name: 'produce' }, { send: { k: ['who'] } }),
      ...deny('source.namespace == "bad"'),
    ];
    const { engine, problems } = await engineOf(objects, [...adapters, producer]);
    expect(problems).toEqual([]);
    expect((await engine.check({ attributes: unreadable({}) })).status).toEqual(OK);
    const spoiled = await engine.check({ attributes: unreadable({ 'request.useragent': [] }) });
    expect(spoiled.status).toMatchObject({ code: 7 });
    isWell = false;
    expect((await engine.check({ attributes: unreadable({}) })).status).toMatchObject({ code: 7 });
    await engine.report([unreadable({})]);
    isWell = true;
    expect((await engine.check({ attributes: unreadable({}) })).status).toEqual(OK);
  });

  it('does not keep a report from those it concerns', async () => {
    const { engine } = await engineOf(deny('request.useragent == "x"'), adapters);
    await engine.report([unreadable({ 'request.useragent': [] })]);
    expect(engine.inspect().rules).toMatchObject([{ failed: 0 }]);
  });
});
