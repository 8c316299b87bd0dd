// What passes between a proxy and the control plane about filters: modules become files, what is missing becomes a stand-in, and both sides hear what concerns them.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf, typeUrl } from '@xebec/protos';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import { LuaSchema } from '@xebec/protos/envoy/extensions/filters/http/lua/v3/lua_pb';
import { WasmSchema } from '@xebec/protos/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import { FailurePolicy } from '@xebec/protos/envoy/extensions/wasm/v3/wasm_pb';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ModuleOutcome, ModuleRequest } from '../modules/module-request.ts';
import { createManualTimers, type ManualTimers } from '../testing/manual-timers.ts';
import { createExtensionPass } from './extension-pass.ts';
import type { MessagePass } from './relay.ts';

const type = typeUrl(TypedExtensionConfigSchema);
const found: ModuleOutcome = { kind: 'found', digest: 'd', file: '/store/d.wasm' };
const wrong: ModuleOutcome = { kind: 'failed', reason: 'it is wrong', isFinal: true, retryAtMs: 1_000 };
const late: ModuleOutcome = { kind: 'failed', reason: 'no answer', isFinal: false, retryAtMs: 1_000 };

let timers: ManualTimers;
let pass: MessagePass;
let asked: ModuleRequest[];
let outcome: ModuleOutcome | 'never';
let down: string[];
let up: string[];

const wasm = (url: string, failurePolicy = FailurePolicy.FAIL_CLOSED): Any =>
  anyOf(WasmSchema, {
    config: {
      failurePolicy,
      vm: {
        case: 'vmConfig',
        value: {
          code: {
            specifier: {
              case: 'remote',
              value: {
                sha256: 'nil',
                httpUri: { uri: url, httpUpstreamType: { case: 'cluster', value: '_' } },
              },
            },
          },
          environmentVariables: {
            keyValues: {
              MODE: 'strict',
              ISTIO_META_WASM_IMAGE_PULL_SECRET: 'secret',
              ISTIO_META_WASM_IMAGE_PULL_POLICY: 'Always',
            },
          },
        },
      },
    },
  });
const lua = anyOf(LuaSchema, {
  defaultSourceCode: { specifier: { case: 'inlineString', value: '-- as it is' } },
});

const response = (
  nonce: string,
  filters: Readonly<Record<string, Any>>,
  removed: readonly string[] = [],
): Buffer =>
  Buffer.from(
    toBinary(
      DeltaDiscoveryResponseSchema,
      create(DeltaDiscoveryResponseSchema, {
        nonce,
        typeUrl: type,
        removedResources: [...removed],
        resources: Object.entries(filters).map(([name, typedConfig]) => ({
          name,
          version: 'v',
          resource: anyOf(TypedExtensionConfigSchema, { name, typedConfig }),
        })),
      }),
    ),
  );
const request = (fields: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]): Buffer =>
  Buffer.from(
    toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { ...fields, typeUrl: type })),
  );

/** `NONCE: NAME=WHAT@VERSION … -REMOVED`. */
function readResponse(bytes: Buffer): string {
  const { nonce, resources, removedResources } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
  const shown = resources.map(({ name, version, resource }) => `${name}=${whatIs(resource)}@${version}`);
  return [`${nonce}:`, ...shown, ...removedResources.map((name) => `-${name}`)].join(' ');
}
function whatIs(resource: Any | undefined): string {
  const config = fromBinary(TypedExtensionConfigSchema, resource?.value ?? new Uint8Array()).typedConfig;
  if (config?.typeUrl === typeUrl(LuaSchema)) {
    const script = JSON.stringify(fromBinary(LuaSchema, config.value).defaultSourceCode?.specifier);
    return script.includes('503') ? 'refusal' : script.includes('as it is') ? 'script' : 'nothing';
  }
  const vm = fromBinary(WasmSchema, config?.value ?? new Uint8Array()).config?.vm.value;
  const local = vm?.code?.specifier.case === 'local' ? vm.code.specifier.value.specifier.value : 'remote';
  return `${String(local)}(${Object.keys(vm?.environmentVariables?.keyValues ?? {}).join()})`;
}
/** `NONCE? error +NAME`. */
function readRequest(bytes: Buffer): string {
  const { responseNonce, errorDetail, resourceNamesSubscribe } = fromBinary(
    DeltaDiscoveryRequestSchema,
    bytes,
  );
  return [responseNonce, errorDetail?.message ?? '', ...resourceNamesSubscribe.map((name) => `+${name}`)]
    .filter(Boolean)
    .join(' ');
}
/** What the proxy says, as the control plane hears it. */
const hears = (fields: Parameters<typeof request>[0]): string | undefined => {
  const passed = pass.up(request(fields));
  return passed && readRequest(passed);
};

beforeEach(() => {
  timers = createManualTimers();
  [asked, down, up, outcome] = [[], [], [], found];
  pass = createExtensionPass(
    {
      timers,
      modules: {
        get: (each) => {
          asked.push(each);
          return outcome === 'never' ? new Promise(() => undefined) : Promise.resolve(outcome);
        },
      },
      links: { use: (_filter, { digest }) => Promise.resolve(`/pod/${digest}.wasm`) },
      onProblem: () => undefined,
    },
    { down: (bytes) => void down.push(readResponse(bytes)), up: (bytes) => void up.push(readRequest(bytes)) },
  );
});
const take = async (...parameters: Parameters<typeof response>): Promise<string[]> => {
  expect(pass.down(response(...parameters))).toBeUndefined();
  await timers.advance(0);
  return down.splice(0);
};

describe('messages', () => {
  it('of other types pass as they are', () => {
    const other = Buffer.from(
      toBinary(
        DeltaDiscoveryResponseSchema,
        create(DeltaDiscoveryResponseSchema, {
          typeUrl: typeUrl(ClusterSchema),
          resources: [{ name: 'x'.repeat(300) }],
        }),
      ),
    );
    expect(pass.down(other)).toBe(other);
    for (const bytes of [Buffer.alloc(0), Buffer.from([255, 255, 255]), Buffer.from('nonsense')]) {
      expect(pass.down(bytes)).toBe(bytes);
      expect(pass.up(bytes)).toBe(bytes);
    }
  });

  it('about filters name a file, and nothing that is for the agent', async () => {
    expect(await take('1', { a: wasm('oci://r/a'), b: lua }, ['c'])).toEqual([
      '1: a=/pod/d.wasm(MODE)@v b=script@v -c',
    ]);
    expect(asked).toEqual([
      { url: 'oci://r/a', sha256: undefined, pullPolicy: 'Always', objectVersion: '', pullSecret: 'secret' },
    ]);
    expect(hears({ responseNonce: '1' })).toBe('1');
  });
});

describe('a module that is wrong', () => {
  it('has a stand-in, and the control plane hears why; the proxy’s answer is for nobody', async () => {
    outcome = wrong;
    const open = wasm('oci://r/b', FailurePolicy.FAIL_OPEN);
    expect(await take('1', { a: wasm('oci://r/a'), b: open, c: lua })).toEqual([
      'agent-1: c=script@v a=refusal@stand-in b=nothing@stand-in',
    ]);
    expect(up).toEqual(['1 a: oci://r/a: it is wrong; b: oci://r/b: it is wrong']);
    expect(hears({ responseNonce: 'agent-1' })).toBeUndefined();
    expect(hears({ responseNonce: 'agent-1', resourceNamesSubscribe: ['d'] })).toBe('+d');
  });

  it('takes the place of a good one', async () => {
    await take('1', { a: wasm('oci://r/a') });
    outcome = wrong;
    expect(await take('2', { a: wasm('oci://r/b') })).toEqual(['agent-1: a=refusal@stand-in']);
  });

  it('is asked for again once it is right', async () => {
    outcome = wrong;
    await take('1', { a: wasm('oci://r/a') });
    up.length = 0;
    await timers.advance(900);
    outcome = found;
    expect(up).toEqual([]);
    await timers.advance(200);
    expect(up).toEqual(['+a']);
    await timers.advance(100_000);
    expect(up).toHaveLength(1);
  });

  it('is not asked for any more when the filter is another one, gone, or of no interest', async () => {
    outcome = wrong;
    await take('1', { a: wasm('oci://r/a'), b: wasm('oci://r/b'), c: wasm('oci://r/c') });
    outcome = found;
    await take('2', { a: wasm('oci://r/d') }, ['b']);
    hears({ resourceNamesUnsubscribe: ['c'] });
    up.length = 0;
    await timers.advance(10_000);
    expect(up).toEqual([]);
  });
});

describe('a module that is late', () => {
  it('has a stand-in after a while, when nothing was there before', async () => {
    outcome = 'never';
    expect(await take('1', { a: wasm('oci://r/a') })).toEqual([]);
    await timers.advance(3_000);
    expect(down).toEqual(['agent-1: a=refusal@stand-in']);
    expect(up).toEqual(['1 a: oci://r/a: it is still being fetched']);
  });

  it.each([['of this stream'], ['of a stream before']])('leaves what was there before, %s', async (where) => {
    if (where === 'of this stream') await take('1', { a: wasm('oci://r/a') });
    else hears({ initialResourceVersions: { a: 'v' } });
    outcome = late;
    expect(await take('2', { a: wasm('oci://r/b') })).toEqual([]);
    expect(up).toEqual(['2 a: oci://r/b: no answer']);
    outcome = wrong;
    await timers.advance(2_000);
    expect(up.at(-1)).toBe('+a');
    expect(await take('3', { a: wasm('oci://r/b') })).toEqual(['agent-2: a=refusal@stand-in']);
  });

  it('leaves no stand-in of a stream before', async () => {
    hears({ initialResourceVersions: { a: 'stand-in' } });
    outcome = late;
    expect(await take('2', { a: wasm('oci://r/b') })).toEqual(['agent-1: a=refusal@stand-in']);
  });
});

it('a module that Envoy refuses has a stand-in, and the control plane hears Envoy’s words', async () => {
  await take('1', { a: wasm('oci://r/a'), b: wasm('oci://r/b') });
  expect(hears({ responseNonce: '1', errorDetail: { code: 13, message: 'cannot create a' } })).toBe(
    '1 cannot create a',
  );
  expect(down).toEqual(['agent-1: a=refusal@stand-in']);
});

it('nothing is said after the stream has ended', async () => {
  outcome = 'never';
  await take('1', { a: wasm('oci://r/a') });
  pass[Symbol.dispose]();
  await timers.advance(100_000);
  expect([down, up]).toEqual([[], []]);
});
