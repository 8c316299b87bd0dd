import { expect, test } from 'vitest';
import type { HandlerContext } from '../sdk.ts';
import { createOpa } from './opa.ts';

const asked: { path: string; body: unknown }[] = [];

async function ask(status: number, body: string): Promise<unknown> {
  const http = () => ({
    post: (path: string, sent: unknown) => {
      asked.push({ path, body: sent });
      return Promise.resolve({ status, body });
    },
    close: () => undefined,
  });
  const opa = createOpa({ http });
  const parsed = opa.parse({ url: 'http://127.0.0.1:8181', checkMethod: 'data.shop.allow' });
  if (!parsed.ok) throw new Error('params');
  const context: HandlerContext = {
    name: 'h.handler.default',
    namespace: 'default',
    instances: new Map(),
    now: () => 0,
    reportProblem: () => undefined,
    countLoss: () => undefined,
    countTaken: () => undefined,
  };
  const handler = await opa.build(parsed.value, context);
  const fields = { subject: { user: 'ann' }, action: { method: 'GET' } };
  const instance = { template: 'authorization', name: 'a.instance.default', fields };
  const verdict = await handler.check?.(instance, new AbortController().signal);
  return verdict?.status;
}

test('asks for the decision with the fields of the instance', async () => {
  expect(await ask(200, '{"result": true}')).toEqual({ code: 0, message: '' });
  expect(asked.at(-1)).toEqual({
    path: '/v1/data/shop/allow',
    body: { input: { subject: { user: 'ann' }, action: { method: 'GET' } } },
  });
});

test.each([
  ['false', '{"result": false}', 'refused by OPA'],
  ['a decision that is not defined', '{}', 'refused by OPA'],
  ['something else', '{"result": "true"}', 'refused by OPA'],
  ['a reason', '{"result": {"allow": false, "message": "too late"}}', 'too late'],
])('%s refuses', async (_, body, message) => {
  expect(await ask(200, body)).toEqual({ code: 7, message });
});

test('an error is a failure, about which the rule decides', async () => {
  await expect(ask(500, '')).rejects.toThrow();
  await expect(ask(200, 'no json')).rejects.toThrow();
});
