// Who may follow, and what they are told: everything once, then every transaction as one.
import type { IdentifiedStream } from '@xebec/ca';
import { rawObject } from '@xebec/config';
import { decodeItem } from '@xebec/policy';
import { expect, test } from 'vitest';
import { createPipeline } from '../pipeline.ts';
import { createPolicyServices } from './policy-services.ts';

const handler = (name: string, code: number) => ({
  apiVersion: 'config.istio.io/v1alpha2',
  kind: 'handler',
  metadata: { name, namespace: 'default' },
  spec: { compiledAdapter: 'denier', params: { status: { code } } },
});

function createWorld() {
  const pipeline = createPipeline({ clock: Date.now });
  const addresses: (readonly string[])[] = [];
  const services = createPolicyServices({
    ...pipeline,
    rootNamespace: () => 'istio-system',
    clock: Date.now,
    onAddresses: (found) => void addresses.push(found),
  });
  const sent: Record<string, unknown>[] = [];
  const gate = { isOpen: true };
  const open = (serviceAccount = 'xebec-policy', namespace = 'istio-system') => {
    const stream: IdentifiedStream = {
      identity: { trustDomain: 'cluster.local', namespace, serviceAccount },
      peer: '127.0.0.1:1',
      send: (fields) => {
        sent.push(fields);
        return gate.isOpen;
      },
      refuse: () => undefined,
    };
    return services.stream.open(stream);
  };
  const apply = async (...objects: readonly object[]) => {
    pipeline.store.apply({
      upserts: objects.map((object) => rawObject(object, {})),
      author: 'ann',
      owner: 'api',
      mode: 'all-or-nothing',
    });
    await Promise.resolve();
  };
  /** Keys set by a message, then keys removed. */
  const told = (message: Record<string, unknown> | undefined) => [
    [message?.['set']].flat().map((text) => decodeItem(String(text))?.key),
    message?.['removed'],
  ];
  return { ...{ pipeline, services, sent, gate, open, apply, told, addresses } };
}

test('only the policy service of the root namespace may follow', () => {
  const { open, sent } = createWorld();
  expect(open('default')).toBeUndefined();
  expect(open('xebec-policy', 'shop')).toBeUndefined();
  expect(sent).toEqual([]);
  expect(open()).toBeDefined();
});

test('everything comes first, then one message a transaction, and nothing once it is over', async () => {
  const { open, apply, sent, told, pipeline, services } = createWorld();
  await apply(handler('a', 7), handler('b', 7));
  const listener = open();
  expect(sent).toHaveLength(1);
  expect(sent[0]).toMatchObject({
    isInitial: true,
    isComplete: true,
    revision: 1,
    rootNamespace: 'istio-system',
  });
  expect(told(sent[0])).toEqual([['handler/default/a', 'handler/default/b'], []]);
  await apply(handler('a', 8), handler('c', 7));
  expect(sent).toHaveLength(2);
  expect(sent[1]).toMatchObject({ isInitial: false, isComplete: true, revision: 2 });
  expect(told(sent[1])).toEqual([['handler/default/a', 'handler/default/c'], []]);
  pipeline.store.apply({ deletes: ['handler/default/b'], author: 'ann', owner: 'api', mode: 'each' });
  await Promise.resolve();
  expect(sent[2]).toMatchObject({ revision: 3 });
  expect(told(sent[2])).toEqual([[], ['handler/default/b']]);
  listener?.received({ node: 'n', address: '127.0.0.1:9', revision: 3, problems: [] });
  expect(services.statuses()).toMatchObject([{ node: 'n', revision: 3, sent: 3, address: '127.0.0.1:9' }]);
  listener?.closed();
  await apply(handler('d', 7));
  expect([sent.length, services.statuses()]).toEqual([3, []]);
});

test('who is slow gets several transactions as one, with the newest values', async () => {
  const { open, apply, sent, told, gate } = createWorld();
  gate.isOpen = false;
  const listener = open();
  for (const code of [7, 8, 9]) await apply(handler('a', code));
  await apply(handler('b', 7));
  expect(sent).toHaveLength(1);
  gate.isOpen = true;
  listener?.drained();
  expect(sent).toHaveLength(2);
  expect(told(sent[1])[0]).toEqual(['handler/default/a', 'handler/default/b']);
  expect(String(sent[1]?.['set'])).toContain('"code":9');
});

test('problems are those of the objects, and addresses are told as they change', () => {
  const { open, services, addresses } = createWorld();
  const problem = {
    object: 'rule/default/a',
    code: 'wrong',
    message: 'is wrong',
    remedy: '',
    field: 'spec.match',
  };
  for (const node of ['one', 'two'])
    open()?.received({ node, address: `127.0.0.1:${node.length}`, revision: 1, problems: [problem] });
  expect(services.problems('rule/default/a')).toEqual([problem]);
  expect(services.unwell()).toEqual(['rule/default/a']);
  expect(addresses.at(-1)).toEqual(['127.0.0.1:3']);
});
