// The contract, for the adapters whose backends are over HTTP.
import { erased } from './catalog.ts';
import { createFluentd } from './fluentd/fluentd.ts';
import type { OpenHttp } from './http-backend.ts';
import { createOpa } from './opa/opa.ts';
import { createOpentelemetry } from './opentelemetry/opentelemetry.ts';
import { checkAdapterContract } from './testing/contract.ts';
import { createWebhook } from './webhook/webhook.ts';
import { createZipkin } from './zipkin/zipkin.ts';

const open: OpenHttp = () => ({
  post: (_path, body) => {
    JSON.stringify(body);
    return Promise.resolve({ status: 200, body: '{"allow": true}' });
  },
  close: () => undefined,
});

const url = 'http://127.0.0.1:4318';
const wrong = [
  { params: {}, field: '' },
  { params: { url: 'ftp://backend.example' }, field: 'url' },
  { params: { url: 'https://user:word@backend.example' }, field: 'url' },
  { params: { url, headers: { 'x y': '1' } }, field: 'headers["x y"]' },
  { params: { url, token_path: 'token' }, field: 'tokenPath' },
];

checkAdapterContract({
  adapter: erased(createWebhook(open)),
  params: { url, validDuration: '5s' },
  wrong: [...wrong, { params: { url, signatureKeyPath: '/a/../b' }, field: 'signatureKeyPath' }],
});

checkAdapterContract({
  adapter: erased(createOpentelemetry(open)),
  params: { url, metrics: { hostile: { kind: 'DISTRIBUTION', buckets: [1, 2] } } },
  wrong: [
    ...wrong,
    { params: { url, metrics: { a: { buckets: [2, 1] } } }, field: 'metrics.a.buckets' },
    { params: { url, sampleProbability: 2 }, field: 'sampleProbability' },
  ],
});

checkAdapterContract({
  adapter: erased(createOpa(open)),
  params: { url },
  wrong: [
    ...wrong,
    { params: { url, checkMethod: 'allow' }, field: 'checkMethod' },
    { params: { url, policy: ['package a'] }, field: 'policy' },
  ],
});

checkAdapterContract({ adapter: erased(createZipkin(open)), params: { url }, wrong });

checkAdapterContract({
  adapter: erased(createFluentd(() => ({ send: () => Promise.resolve(), close: () => undefined }))),
  params: { address: '127.0.0.1:24224', integerDuration: true },
  wrong: [{ params: { address: 'nowhere' }, field: 'address' }],
});
