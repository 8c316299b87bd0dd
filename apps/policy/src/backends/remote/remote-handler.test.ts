import { create, toJson } from '@bufbuild/protobuf';
import { type Any, anyUnpack, StringValueSchema, StructSchema } from '@bufbuild/protobuf/wkt';
import {
  type Handler,
  type HandlerContext,
  type InferredTypes,
  type Instance,
  type RemoteAdapterCall,
  standardTemplates,
  Timestamp,
} from '@xebec/policy';
import { CheckResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/check_pb';
import {
  CloseSessionResponseSchema,
  CreateSessionResponseSchema,
  InfrastructureBackend,
} from '@xebec/protos/istio/mixer/adapter/model/v1beta1/infrastructure_backend_pb';
import { QuotaResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/quota_pb';
import { ReportResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/report_pb';
import { HandleListEntryService } from '@xebec/protos/istio/mixer/template/listentry_pb';
import {
  HandleMetricService,
  type InstanceMsg as MetricInstance,
  TypeSchema as MetricTypeSchema,
} from '@xebec/protos/istio/mixer/template/metric_pb';
import { HandleQuotaService } from '@xebec/protos/istio/mixer/template/quota_pb';
import { ValueType } from '@xebec/protos/istio/policy/v1beta1/value_type_pb';
import { afterEach, expect, test } from 'vitest';
import { createRemoteHandlers } from './remote-handler.ts';
import { type AdapterServer, type Served, serve, startAdapterServer } from './testing/adapter-server.ts';

const signal = new AbortController().signal;
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(served: readonly Served[], port = 0): Promise<AdapterServer> {
  const server = await startAdapterServer(served, { port });
  cleanups.push(() => server.kill());
  return server;
}

interface Used {
  readonly template: string;
  readonly types?: InferredTypes;
}

interface Built {
  readonly handler: Handler;
  readonly problems: (string | undefined)[];
}

async function build(
  call: Partial<RemoteAdapterCall> & { readonly address: string },
  { template, types = {} }: Used,
): Promise<Built> {
  const problems: (string | undefined)[] = [];
  const found = standardTemplates.get(template);
  if (found === undefined) throw new Error(`no template ${template}`);
  const context: HandlerContext = {
    name: 'outside.handler.default',
    namespace: 'default',
    instances: new Map([['one.instance.default', { template: found, types }]]),
    now: () => 0,
    reportProblem: (problem) => void problems.push(problem),
    countLoss: () => undefined,
    countTaken: () => undefined,
  };
  const handler = await createRemoteHandlers()(
    { name: 'x.adapter.default', timeoutMs: 1_000, isSessionBased: false, config: '', params: {}, ...call },
    context,
  );
  cleanups.push(() => handler.close?.());
  return { handler, problems };
}

const one = (template: string, fields: Instance['fields']): Instance => ({
  template,
  name: 'one.instance.default',
  fields,
});
function structOf(config: Any | undefined): unknown {
  const struct = config && anyUnpack(config, StructSchema);
  return struct && toJson(StructSchema, struct);
}

const allowList = (value: string): Served =>
  serve(HandleListEntryService.method.handleListEntry, ({ instance }) =>
    create(CheckResultSchema, {
      status:
        instance?.value === value ? { code: 0 } : { code: 7, message: `${instance?.value} is not welcome` },
      validDuration: { seconds: 2n, nanos: 500_000_000 },
      validUseCount: 10,
    }),
  );

test('a check goes to the service of its template, with the params as a Struct, and its answer comes back', async () => {
  const seen: unknown[] = [];
  const server = await start([
    serve(HandleListEntryService.method.handleListEntry, ({ instance, adapterConfig, dedupId }) => {
      seen.push([instance?.name, instance?.value, structOf(adapterConfig), dedupId.length]);
      return create(CheckResultSchema, { status: { code: 7, message: 'no' }, validUseCount: 3 });
    }),
  ]);
  const { handler } = await build(
    { address: server.address, params: { table: { jason: 'admin' } } },
    { template: 'listentry' },
  );
  expect(await handler.check?.(one('listentry', { value: 'jason' }), signal)).toEqual({
    status: { code: 7, message: 'no' },
    validDurationMs: 0,
    validUseCount: 3,
  });
  expect(seen).toEqual([['one.instance.default', 'jason', { table: { jason: 'admin' } }, 36]]);
});

test('a report goes out as one batch with typed values', async () => {
  const batches: MetricInstance[][] = [];
  const server = await start([
    serve(HandleMetricService.method.handleMetric, ({ instances }) => {
      batches.push(instances);
      return create(ReportResultSchema);
    }),
  ]);
  const types: InferredTypes = { value: 'INT64', 'dimensions.host': 'DNS_NAME', 'dimensions.path': 'STRING' };
  const { handler } = await build({ address: server.address }, { template: 'metric', types });
  const fields = {
    value: 5n,
    dimensions: {
      host: 'a.example',
      path: '/x',
      ip: new Uint8Array([10, 0, 0, 1]),
      at: new Timestamp(1_500_000_000n),
    },
    unknown: 'left out',
  };
  await handler.report?.([one('metric', fields), one('metric', { value: 1.5 })], signal);
  expect(batches.map((batch) => batch.length)).toEqual([2]);
  expect(batches[0]?.map(({ value }) => value?.value.value)).toEqual([5n, 1.5]);
  const dimensions = batches[0]?.[0]?.dimensions ?? {};
  expect(
    Object.fromEntries(Object.entries(dimensions).map(([name, { value }]) => [name, value.case])),
  ).toEqual({ host: 'dnsNameValue', path: 'stringValue', ip: 'ipAddressValue', at: 'timestampValue' });
  expect(dimensions['at']?.value.value).toMatchObject({ value: { seconds: 1n, nanos: 500_000_000 } });
});

test('a quota is asked for by the name of its instance, with the id of the one who asks', async () => {
  const ids: string[] = [];
  const server = await start([
    serve(HandleQuotaService.method.handleQuota, ({ quotaRequest, dedupId }) => {
      ids.push(dedupId);
      const quotas = Object.entries(quotaRequest?.quotas ?? {}).map(([name, { amount, bestEffort }]) => [
        name,
        { grantedAmount: bestEffort ? amount / 2n : amount, validDuration: { seconds: 1n } },
      ]);
      return create(QuotaResultSchema, { quotas: Object.fromEntries(quotas) });
    }),
  ]);
  const { handler } = await build({ address: server.address }, { template: 'quota' });
  const asked = { amount: 10n, isBestEffort: true, deduplicationId: 'job-1' };
  expect(await handler.allocate?.(one('quota', { dimensions: { user: 'a' } }), asked, signal)).toEqual({
    status: { code: 0, message: '' },
    granted: 5n,
    validDurationMs: 1_000,
  });
  expect(ids).toEqual(['job-1']);
});

test('nobody there: the call rejects and says where; when the adapter is there again, so is the handler', async () => {
  const first = await start([allowList('jason')]);
  const { handler, problems } = await build({ address: first.address }, { template: 'listentry' });
  const jason = one('listentry', { value: 'jason' });
  expect(await handler.check?.(jason, signal)).toMatchObject({ status: { code: 0 }, validDurationMs: 2_500 });
  first.kill();
  await expect(handler.check?.(jason, signal)).rejects.toThrow(`${first.address}: UNAVAILABLE`);
  await start([allowList('jason')], Number(first.address.split(':')[1]));
  expect(await handler.check?.(jason, signal)).toMatchObject({ status: { code: 0 } });
  expect(problems).toEqual([expect.stringContaining('UNAVAILABLE'), undefined]);
});

test('an adapter that does not answer is left after the time-out, or when the caller goes', async () => {
  let asked = 0;
  const server = await start([
    serve(HandleListEntryService.method.handleListEntry, () => {
      asked++;
      return new Promise(() => undefined);
    }),
  ]);
  const { handler } = await build({ address: server.address, timeoutMs: 100 }, { template: 'listentry' });
  await expect(handler.check?.(one('listentry', {}), signal)).rejects.toThrow('DEADLINE_EXCEEDED');
  await expect(handler.check?.(one('listentry', {}), AbortSignal.timeout(20))).rejects.toThrow('CANCELLED');
  expect(asked).toBe(2);
});

test('an adapter with sessions gets its params once, with the types, and again after it forgot them', async () => {
  const sessions: string[] = [];
  const used: string[] = [];
  const types: unknown[] = [];
  const server = await start([
    serve(InfrastructureBackend.method.createSession, ({ adapterConfig, inferredTypes }) => {
      expect(structOf(adapterConfig)).toEqual({ a: 1 });
      const inferred = inferredTypes['one.instance.default'];
      types.push(inferred && anyUnpack(inferred, MetricTypeSchema)?.dimensions);
      sessions.push(`session-${sessions.length}`);
      return create(CreateSessionResponseSchema, { sessionId: sessions.at(-1) ?? '' });
    }),
    serve(InfrastructureBackend.method.closeSession, ({ sessionId }) => {
      used.push(`close ${sessionId}`);
      return create(CloseSessionResponseSchema);
    }),
    serve(HandleMetricService.method.handleMetric, ({ adapterConfig }) => {
      const id = adapterConfig && anyUnpack(adapterConfig, StringValueSchema)?.value;
      used.push(String(id));
      if (used.length === 3) throw new Error('no such session');
      return create(ReportResultSchema);
    }),
  ]);
  const { handler } = await build(
    { address: server.address, isSessionBased: true, params: { a: 1 } },
    { template: 'metric', types: { 'dimensions.path': 'STRING' } },
  );
  const batch = [one('metric', { value: 1n })];
  await handler.report?.(batch, signal);
  await handler.report?.(batch, signal);
  await expect(handler.report?.(batch, signal)).rejects.toThrow('no such session');
  await handler.report?.(batch, signal);
  await handler.close?.();
  expect(used).toEqual(['session-0', 'session-0', 'session-0', 'session-1', 'close session-1']);
  expect(types[0]).toEqual({ path: ValueType.STRING });
});

test('what cannot work is said when the handler is built', async () => {
  const address = '127.0.0.1:1';
  await expect(build({ address, config: 'aGVsbG8=' }, { template: 'metric' })).rejects.toThrow(
    'FileDescriptorSet',
  );
});

test('files that are not there, and a certificate of the mesh that there is none of, fail the call', async () => {
  const call = { address: '127.0.0.1:1' };
  const tls = { ...call, authentication: { kind: 'tls', caCertificates: '/nowhere/ca.pem' } } as const;
  const { handler } = await build(tls, { template: 'listentry' });
  await expect(handler.check?.(one('listentry', {}), signal)).rejects.toThrow('ENOENT');
  const mesh = await build({ ...call, authentication: { kind: 'mesh' } }, { template: 'listentry' });
  await expect(mesh.handler.check?.(one('listentry', {}), signal)).rejects.toThrow(
    'no certificate of the mesh',
  );
});
