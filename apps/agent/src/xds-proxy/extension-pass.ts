// Configurations of filters that name a Wasm module, on their way to a proxy: they go on with the module's file in its place. One without its module is not there for the proxy, and the control plane is told why.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { encode, typeUrl } from '@xebec/protos';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type Resource,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import type { Timers } from '@xebec/supervise';
import { pause, unlessAborted } from '../backoff.ts';
import { type ExtensionModule, moduleOf } from '../modules/extension-modules.ts';
import type { ModuleLinks } from '../modules/module-links.ts';
import type { ModuleRequest } from '../modules/module-request.ts';
import type { ModuleStore } from '../modules/module-store.ts';
import { messageOf } from '../problem.ts';
import { typeFieldOf, typeIn } from './message-type.ts';
import type { MessagePass, PassEnds } from './relay.ts';

const extensionType = typeUrl(TypedExtensionConfigSchema);
const internalError = 13;

export interface ExtensionPassOptions {
  readonly modules: ModuleStore;
  readonly links: ModuleLinks;
  readonly timers: Timers;
  /** How long the proxy waits for modules before it goes on without them; default 3000. */
  readonly patienceMs?: number;
  readonly onProblem: (message: string) => void;
}

/** For one stream of one proxy, incremental. */
export function createExtensionPass(options: ExtensionPassOptions, ends: PassEnds): MessagePass {
  const pass = new ExtensionPass(options, ends);
  return {
    down: (message) =>
      typeIn(message, typeFieldOf.response) === extensionType ? pass.take(message) : message,
    up: (message) => (typeIn(message, typeFieldOf.request) === extensionType ? pass.hear(message) : message),
    [Symbol.dispose]: () => pass.dispose(),
  };
}

type Prepared =
  | { readonly kind: 'ready'; readonly resource: Resource; readonly standIn?: Resource }
  | {
      readonly kind: 'missing';
      readonly name: string;
      readonly request: ModuleRequest;
      readonly reason: string;
      readonly isFinal: boolean;
      readonly standIn: Resource;
    };

const ownNonce = 'agent-';
/** No version of the control plane's: after a new start it sends the filter again. */
const standInVersion = 'stand-in';

const standInOf = (resource: Resource, { standIn }: ExtensionModule): Resource => ({
  ...resource,
  version: standInVersion,
  resource: standIn(),
});

/** What cannot be read is for Envoy to refuse. */
function readModule({ resource }: Resource): ExtensionModule | undefined {
  try {
    return resource === undefined ? undefined : moduleOf(resource);
  } catch {
    return undefined;
  }
}

class ExtensionPass {
  private readonly options: ExtensionPassOptions;
  private readonly ends: PassEnds;
  private readonly closed = new AbortController();
  /** Filters that the proxy has a configuration of. */
  private readonly held = new Set<string>();
  /** Filters whose modules are asked for again and again. */
  private readonly awaited = new Map<string, AbortController>();
  /** What to put in place of filters with modules, by the nonce they were sent with: Envoy may refuse them. */
  private readonly sent = new Map<string, readonly Resource[]>();
  private queue: Promise<void> = Promise.resolve();
  private nonces = 0;

  constructor(options: ExtensionPassOptions, ends: PassEnds) {
    this.options = options;
    this.ends = ends;
  }

  dispose(): void {
    this.closed.abort();
    for (const waiting of this.awaited.values()) waiting.abort();
    this.awaited.clear();
  }

  /** One response after the other; messages of other types do not wait. */
  take(message: Buffer): undefined {
    this.queue = this.queue
      .then(() => this.carry(fromBinary(DeltaDiscoveryResponseSchema, message)))
      .catch((error: unknown) => this.options.onProblem(messageOf(error)));
  }

  private async carry(response: DeltaDiscoveryResponse): Promise<void> {
    for (const name of [...response.removedResources, ...response.resources.map(({ name }) => name)])
      this.forget(name);
    const prepared = await Promise.all(response.resources.map((resource) => this.prepare(resource)));
    if (this.closed.signal.aborted) return;
    const ready = prepared.filter((each) => each.kind === 'ready');
    const missing = prepared.filter((each) => each.kind === 'missing');
    const lost = missing.filter(({ name, isFinal }) => isFinal || !this.held.has(name));
    const isWhole = missing.length === 0;
    this.send({
      nonce: isWhole ? response.nonce : this.nextNonce(),
      resources: [...ready.map(({ resource }) => resource), ...lost.map(({ standIn }) => standIn)],
      removed: response.removedResources,
      standIns: ready.flatMap(({ standIn }) => standIn ?? []),
    });
    if (!isWhole) this.refuse(response.nonce, missing);
  }

  private async prepare(resource: Resource): Promise<Prepared> {
    const found = readModule(resource);
    if (found === undefined) return { kind: 'ready', resource };
    const { name } = resource;
    const { request } = found;
    const standIn = standInOf(resource, found);
    const outcome = await this.patiently(request);
    if (outcome?.kind === 'found') {
      try {
        return { kind: 'ready', resource: await this.withFile(resource, found, outcome), standIn };
      } catch (error) {
        return { kind: 'missing', name, request, standIn, reason: messageOf(error), isFinal: false };
      }
    }
    const { reason, isFinal } = outcome ?? { reason: 'it is still being fetched', isFinal: false };
    return { kind: 'missing', name, request, standIn, reason, isFinal };
  }

  private async withFile(
    resource: Resource,
    { withFile }: ExtensionModule,
    module: Parameters<ModuleLinks['use']>[1],
  ): Promise<Resource> {
    return { ...resource, resource: withFile(await this.options.links.use(resource.name, module)) };
  }

  private async patiently(request: ModuleRequest) {
    const patience = new AbortController();
    const { timers, modules, patienceMs = 3_000 } = this.options;
    const timer = timers.after(patienceMs, () => patience.abort());
    try {
      return await unlessAborted(
        modules.get(request),
        AbortSignal.any([patience.signal, this.closed.signal]),
      );
    } finally {
      timer[Symbol.dispose]();
    }
  }

  private send(response: {
    readonly nonce: string;
    readonly resources: readonly Resource[];
    readonly removed: readonly string[];
    readonly standIns: readonly Resource[];
  }): void {
    const { nonce, resources, removed, standIns } = response;
    for (const { name, version } of resources) {
      if (version === standInVersion) this.held.delete(name);
      else this.held.add(name);
    }
    for (const name of removed) this.held.delete(name);
    if (nonce.startsWith(ownNonce) && resources.length + removed.length === 0) return;
    this.sent.set(nonce, standIns);
    const message = create(DeltaDiscoveryResponseSchema, {
      typeUrl: extensionType,
      nonce,
      resources: [...resources],
      removedResources: [...removed],
    });
    this.ends.down(Buffer.from(encode(DeltaDiscoveryResponseSchema, message)));
  }

  private refuse(nonce: string, missing: readonly Extract<Prepared, { kind: 'missing' }>[]): void {
    const message = missing
      .map(({ name, request, reason }) => `${name}: ${request.url}: ${reason}`)
      .join('; ');
    this.options.onProblem(message);
    this.say({ responseNonce: nonce, errorDetail: { code: internalError, message } });
    for (const { name, request, isFinal } of missing) void this.follow(name, request, isFinal);
  }

  private say(request: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]): void {
    const message = create(DeltaDiscoveryRequestSchema, { ...request, typeUrl: extensionType });
    this.ends.up(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)));
  }

  /** Once there is news of a module, its filter is asked for anew and comes the usual way. */
  private async follow(name: string, request: ModuleRequest, wasFinal: boolean): Promise<void> {
    const { modules, timers } = this.options;
    const waiting = new AbortController();
    this.awaited.set(name, waiting);
    const { signal } = waiting;
    while (!signal.aborted) {
      const outcome = await modules.get(request);
      if (signal.aborted) return;
      if (outcome.kind === 'found' || outcome.isFinal !== wasFinal) {
        this.forget(name);
        this.say({ resourceNamesSubscribe: [name] });
        return;
      }
      await pause(timers, Math.max(50, outcome.retryAtMs - timers.nowMs()), signal);
    }
  }

  private forget(name: string): void {
    this.awaited.get(name)?.abort();
    this.awaited.delete(name);
  }

  /** What the proxy says about its filters; answers to what the control plane did not say go no further. */
  hear(message: Buffer): Buffer | undefined {
    const request = fromBinary(DeltaDiscoveryRequestSchema, message);
    const { responseNonce, errorDetail } = request;
    for (const [name, version] of Object.entries(request.initialResourceVersions)) {
      if (version !== standInVersion) this.held.add(name);
    }
    for (const name of request.resourceNamesUnsubscribe) {
      this.forget(name);
      this.held.delete(name);
    }
    const standIns = this.sent.get(responseNonce) ?? [];
    this.sent.delete(responseNonce);
    if (errorDetail !== undefined) this.refused(errorDetail.message, standIns);
    return responseNonce.startsWith(ownNonce) ? withoutAnswer(request) : message;
  }

  /** A filter that Envoy cannot run is not there, whatever ran before. */
  private refused(message: string, standIns: readonly Resource[]): void {
    const resources =
      standIns.length === 1 ? standIns : standIns.filter(({ name }) => message.includes(name));
    if (resources.length === 0) return;
    this.options.onProblem(message);
    this.send({ nonce: this.nextNonce(), resources, removed: [], standIns: [] });
  }

  private nextNonce(): string {
    this.nonces += 1;
    return `${ownNonce}${this.nonces}`;
  }
}

function withoutAnswer(request: DeltaDiscoveryRequest): Buffer | undefined {
  if (request.resourceNamesSubscribe.length + request.resourceNamesUnsubscribe.length === 0) return undefined;
  request.responseNonce = '';
  delete request.errorDetail;
  return Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request));
}
