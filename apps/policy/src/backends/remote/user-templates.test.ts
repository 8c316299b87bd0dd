// Templates of users at adapters outside, over gRPC: written out and by descriptor, in every variety.
import { create, createRegistry, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  StringValueSchema,
  StructSchema,
} from '@bufbuild/protobuf/wkt';
import {
  Duration,
  type Handler,
  type HandlerContext,
  type InferredTypes,
  type Instance,
  printTemplateProto,
  type RemoteAdapterCall,
  type Template,
  Timestamp,
  templateProto,
} from '@xebec/policy';
import { file_google_rpc_status } from '@xebec/protos/google/rpc/status_pb';
import {
  CloseSessionResponseSchema,
  CreateSessionResponseSchema,
  InfrastructureBackend,
  ValidateResponseSchema,
} from '@xebec/protos/istio/mixer/adapter/model/v1beta1/infrastructure_backend_pb';
import { afterEach, describe, expect, test } from 'vitest';
import { createRemoteHandlers } from './remote-handler.ts';
import { templateService } from './template-services.ts';
import { type Served, serve, startAdapterServer } from './testing/adapter-server.ts';

const { signal } = new AbortController();
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const registry = createRegistry(StructSchema, StringValueSchema);
const received: JsonValue[] = [];

/** An adapter for the template that remembers what it gets, and answers as JSON says. */
function adapterFor(template: Template, answer: JsonValue): Served {
  const { method } = templateService(template);
  return serve(method, (request) => {
    received.push(toJson(method.input, request, { registry, useProtoFieldName: true }));
    return fromJson(method.output, answer);
  });
}

const closing = serve(InfrastructureBackend.method.closeSession, () => create(CloseSessionResponseSchema));

async function build(
  template: Template,
  served: readonly Served[],
  { types = {}, ...call }: Partial<RemoteAdapterCall> & { readonly types?: InferredTypes } = {},
): Promise<Handler> {
  received.length = 0;
  const server = await startAdapterServer([...served, closing]);
  cleanups.push(() => server.kill());
  const context: HandlerContext = {
    name: 'outside.handler.default',
    namespace: 'default',
    instances: new Map([['one.instance.default', { template, types }]]),
    now: () => 0,
    reportProblem: () => undefined,
    countLoss: () => undefined,
    countTaken: () => undefined,
  };
  const rest = { name: 'x.adapter.default', timeoutMs: 5_000, isSessionBased: false, config: '', params: {} };
  const handler = await createRemoteHandlers()({ ...rest, address: server.address, ...call }, context);
  cleanups.push(() => handler.close?.());
  return handler;
}

const one = (template: Template, fields: Instance['fields']): Instance => ({
  template: template.name,
  name: 'one.instance.default',
  fields,
});

const value = (type: 'STRING' | 'INT64' | 'DOUBLE' | 'BOOL' | 'TIMESTAMP' | 'DURATION' | 'IP_ADDRESS') =>
  ({ kind: 'value', type }) as const;

const lookup: Template = {
  name: 'my-lookup',
  variety: 'CHECK_WITH_OUTPUT',
  fields: { key: value('STRING'), tries: value('INT64'), what: { kind: 'dynamic' } },
  output: { value: 'STRING', size: 'INT64' },
};

/** The same by descriptor, as generators write it: with or without what it imports. */
function described(template: Template, files: readonly FileDescriptorProto[] = []): Template {
  const set = create(FileDescriptorSetSchema, { file: [...files, templateProto(template)] });
  const descriptor = Buffer.from(toBinary(FileDescriptorSetSchema, set)).toString('base64');
  return { ...template, descriptor };
}

/** In an order that generators write, too. */
const imports = [file_google_rpc_status, file_google_protobuf_any].map(({ proto }) => proto);

describe.each([
  ['written out', lookup],
  ['by descriptor', described(lookup)],
  ['by descriptor, with its imports', described(lookup, imports)],
])('a template %s', (_, template) => {
  test('is checked with its fields, and gives back its output', async () => {
    const answer = {
      result: { status: { code: 7, message: 'no' }, valid_use_count: 3 },
      output: { value: 'v' },
    };
    const handler = await build(template, [adapterFor(template, answer)], { params: { table: { a: 'b' } } });
    const verdict = await handler.check?.(one(template, { key: 'k', tries: 3n, what: true }), signal);
    expect(verdict).toEqual({
      status: { code: 7, message: 'no' },
      validDurationMs: 0,
      validUseCount: 3,
      output: { value: 'v' },
    });
    expect(received).toEqual([
      {
        instance: { key: 'k', tries: '3', what: { bool_value: true }, name: 'one.instance.default' },
        adapter_config: {
          '@type': 'type.googleapis.com/google.protobuf.Struct',
          value: { table: { a: 'b' } },
        },
        dedup_id: expect.any(String),
      },
    ]);
  });
});

test('attributes are produced by an adapter outside, each of its type; what it does not write is absent', async () => {
  const template: Template = {
    name: 'team',
    variety: 'ATTRIBUTE_GENERATOR',
    fields: { user: value('STRING'), at: value('TIMESTAMP'), from: value('IP_ADDRESS') },
    output: {
      name: 'STRING',
      size: 'INT64',
      load: 'DOUBLE',
      open: 'BOOL',
      since: 'TIMESTAMP',
      ttl: 'DURATION',
      address: 'IP_ADDRESS',
      mail: 'EMAIL_ADDRESS',
      labels: 'STRING_MAP',
      absent: 'STRING',
    },
  };
  const output = {
    name: '',
    size: '7',
    load: 0.5,
    open: false,
    since: { value: '1970-01-01T00:00:02Z' },
    ttl: { value: '3s' },
    address: { value: Buffer.from([10, 0, 0, 1]).toString('base64') },
    mail: { value: 'a@b.example' },
    labels: { tier: 'gold' },
  };
  const handler = await build(template, [adapterFor(template, { output })]);
  const fields = { user: 'ann', at: new Timestamp(1_000_000_000n), from: new Uint8Array([127, 0, 0, 1]) };
  expect(await handler.generate?.(one(template, fields), signal)).toEqual({
    name: '',
    size: 7n,
    load: 0.5,
    open: false,
    since: new Timestamp(2_000_000_000n),
    ttl: new Duration(3_000_000_000n),
    address: new Uint8Array([10, 0, 0, 1]),
    mail: 'a@b.example',
    labels: new Map([['tier', 'gold']]),
  });
  expect(received).toMatchObject([{ instance: { user: 'ann', at: { value: '1970-01-01T00:00:01Z' } } }]);
});

test('reports go out as a batch, and quotas are asked for by the name of their instance', async () => {
  const log: Template = {
    name: 'log',
    variety: 'REPORT',
    fields: {
      words: { kind: 'map', of: { kind: 'dynamic' } },
      took: value('DURATION'),
      ratios: { kind: 'map', of: value('DOUBLE') },
      mail: { kind: 'value', type: 'EMAIL_ADDRESS' },
    },
  };
  const reports = await build(log, [adapterFor(log, {})], { types: { 'words.host': 'DNS_NAME' } });
  const fields = {
    words: { host: 'a.example' },
    took: new Duration(1_500_000_000n),
    ratios: { a: 0.25 },
    mail: 'a@b.example',
  };
  await reports.report?.([one(log, fields), one(log, { took: 'wrong' })], signal);
  expect(received).toMatchObject([
    {
      instances: [
        {
          words: { host: { dns_name_value: { value: 'a.example' } } },
          took: { value: '1.500s' },
          ratios: { a: 0.25 },
          mail: { value: 'a@b.example' },
        },
        { name: 'one.instance.default' },
      ],
    },
  ]);
  const gpu: Template = { name: 'gpu', variety: 'QUOTA', fields: { user: value('STRING') } };
  const answer = { quotas: { 'one.instance.default': { granted_amount: '2', valid_duration: '1s' } } };
  const quotas = await build(gpu, [adapterFor(gpu, answer)]);
  const asked = { amount: 2n, isBestEffort: false, deduplicationId: 'job-1' };
  expect(await quotas.allocate?.(one(gpu, { user: 'ann' }), asked, signal)).toMatchObject({ granted: 2n });
  expect(received).toMatchObject([
    { dedup_id: 'job-1', quota_request: { quotas: { 'one.instance.default': { amount: '2' } } } },
  ]);
});

test('an adapter that refuses the configuration keeps the handler from being built; one without that method does not', async () => {
  const seen: unknown[] = [];
  const validate = (code: number) =>
    serve(InfrastructureBackend.method.validate, ({ inferredTypes }) => {
      seen.push(Object.keys(inferredTypes));
      return create(ValidateResponseSchema, { status: { code, message: 'table is missing' } });
    });
  const session = serve(InfrastructureBackend.method.createSession, () =>
    create(CreateSessionResponseSchema, { sessionId: 's' }),
  );
  const adapter = adapterFor(lookup, { result: {}, output: {} });
  const call = { isSessionBased: true, types: { what: 'INT64' } } as const;
  await expect(build(lookup, [validate(3), session, adapter], call)).rejects.toThrow(
    'does not take the configuration: table is missing',
  );
  for (const served of [
    [validate(0), session, adapter],
    [session, adapter],
  ]) {
    const handler = await build(lookup, served, call);
    expect(await handler.check?.(one(lookup, {}), signal)).toMatchObject({ status: { code: 0 } });
  }
  expect(seen).toEqual([['one.instance.default'], ['one.instance.default']]);
  await build(lookup, [], { ...call, address: '127.0.0.1:1' });
});

test('nothing that an instance holds harms a handler, whatever its template', async () => {
  const hostile: readonly Instance['fields'][] = [
    {},
    { key: 'x'.repeat(100_000), tries: 2n ** 80n, what: Number.NaN },
    { key: '\u0000\ud800', what: '__proto__' },
    { key: new Uint8Array(3), tries: 'many', what: new Map([['__proto__', 'x']]) },
    { ['__proto__']: 'x', what: { inner: 1n } },
  ];
  for (const template of [lookup, described(lookup)]) {
    const handler = await build(template, [adapterFor(template, { result: {}, output: {} })]);
    for (const fields of hostile)
      expect(await handler.check?.(one(template, fields), signal)).toMatchObject({ status: { code: 0 } });
    expect(received).toHaveLength(hostile.length);
    await handler.close?.();
    await handler.close?.();
  }
  expect(Object.hasOwn(Object.prototype, 'inner')).toBe(false);
});

test('a descriptor that no service is in, or that is none, says so when the handler is built', async () => {
  const empty = Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema))).toString(
    'base64',
  );
  await expect(build({ ...lookup, descriptor: empty }, [])).rejects.toThrow(
    'no service whose name begins with Handle',
  );
  const lost = { ...templateProto(lookup), dependency: ['lost.proto'] };
  const set = create(FileDescriptorSetSchema, { file: [lost] });
  const descriptor = Buffer.from(toBinary(FileDescriptorSetSchema, set)).toString('base64');
  await expect(build({ ...lookup, descriptor }, [])).rejects.toThrow('lost.proto');
});

test('the proto of a template that is written out is printed for other languages', () => {
  expect(printTemplateProto(lookup)).toMatchInlineSnapshot(`
    "// What adapters outside for the template my-lookup implement and get.
    syntax = "proto3";

    package my_lookup;

    import "google/protobuf/any.proto";
    import "istio/mixer/adapter/model/v1beta1/check.proto";
    import "istio/mixer/adapter/model/v1beta1/extensions.proto";
    import "istio/mixer/adapter/model/v1beta1/quota.proto";
    import "istio/mixer/adapter/model/v1beta1/report.proto";
    import "istio/policy/v1beta1/type.proto";
    import "istio/policy/v1beta1/value_type.proto";

    option (istio.mixer.adapter.model.v1beta1.template_name) = "my-lookup";
    option (istio.mixer.adapter.model.v1beta1.template_variety) = TEMPLATE_VARIETY_CHECK_WITH_OUTPUT;

    service HandleMyLookupService {
      rpc HandleMyLookup(HandleMyLookupRequest) returns (HandleMyLookupResponse);
    }

    message HandleMyLookupRequest {
      InstanceMsg instance = 1;
      google.protobuf.Any adapter_config = 2;
      string dedup_id = 3;
    }

    message HandleMyLookupResponse {
      istio.mixer.adapter.model.v1beta1.CheckResult result = 1;
      OutputMsg output = 2;
    }

    message OutputMsg {
      optional string value = 1;
      optional int64 size = 2;
    }

    message InstanceMsg {
      string key = 1;
      int64 tries = 2;
      istio.policy.v1beta1.Value what = 3;
      string name = 72295727;
    }

    message Type {
      istio.policy.v1beta1.ValueType what = 3;
    }
    "
  `);
});
