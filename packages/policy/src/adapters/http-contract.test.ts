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
  adapter: erased(createOpa({ http: open })),
  params: { url, failClose: true },
  wrong: [
    ...wrong.slice(1),
    { params: { url, checkMethod: 'allow' }, field: 'checkMethod' },
    { params: { url, policy: ['package a'] }, field: 'policy' },
    { params: { url, failClose: 'yes' }, field: 'failClose' },
  ],
});

const module = { inline: 'AGFzbQEAAAA=' };
const program = { evaluate: () => Promise.resolve(true), close: () => undefined };
checkAdapterContract({
  adapter: erased(createOpa({ http: open, program: () => Promise.resolve(program) })),
  params: {
    wasm: { ...module, timeout: '100ms', data: { owners: ['jason'] } },
    check_method: 'data.shop.allow',
  },
  wrong: [
    { params: {}, field: '' },
    { params: { url, wasm: module }, field: 'wasm' },
    { params: { wasm: { ...module, url } }, field: 'wasm.inline' },
    { params: { wasm: { inline: 'cGFja2FnZSBhCg==' } }, field: 'wasm.inline' },
    { params: { wasm: { inline: 'package a' } }, field: 'wasm.inline' },
    { params: { wasm: { url: 'ftp://backend.example' } }, field: 'wasm.url' },
    { params: { wasm: { url, refresh_interval: '10ms' } }, field: 'wasm.refreshInterval' },
    { params: { wasm: { ...module, timeout: '1h' } }, field: 'wasm.timeout' },
  ],
});

checkAdapterContract({ adapter: erased(createZipkin(open)), params: { url }, wrong });

checkAdapterContract({
  adapter: erased(createFluentd(() => ({ send: () => Promise.resolve(), close: () => undefined }))),
  params: { address: '127.0.0.1:24224', integerDuration: true },
  wrong: [{ params: { address: 'nowhere' }, field: 'address' }],
});
