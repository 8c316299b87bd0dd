// Who may open a stream, what it sees, and what is known of it: the admission of the xDS server.

import { candidates, encodeUnknownHost, type ProxyView, typeUrls } from '@xebec/envoy';
import type { Collection, Graph, Source } from '@xebec/flow';
import type { ProxyNode } from '@xebec/model';
import type { Admission, Peer, StreamEvent, StreamView } from '@xebec/xds';
import { type Claimant, createClaims } from './claims.ts';
import { readProxyNode } from './proxy-node.ts';
import type { KnownPod } from './standing.ts';
import type { UsedHosts } from './used-hosts.ts';
import type { WorkloadRegistrations } from './workload-registrations.ts';

/** How long a proxy that went away stays in the mesh, so that a reconnect costs nothing. */
const absenceMs = 30_000;

export interface RegistryOptions {
  readonly graph: Graph;
  readonly proxies: Source<string, ProxyNode>;
  readonly views: Collection<string, ProxyView>;
  readonly trustDomain: string;
  readonly usedHosts: UsedHosts;
  readonly discovery: 'on-demand' | 'eager';
  readonly registrations: Pick<WorkloadRegistrations, 'connected' | 'disconnected'>;
  /** The Pod of a name that the platform knows. */
  readonly pod: (namespace: string, name: string) => KnownPod | undefined;
  /** Ends the streams of a client whose id is somebody else's. */
  readonly expel: (client: string, reason: string) => void;
  /** Whether what a peer proves itself with was taken back. */
  readonly isRevoked?: (peer: Peer) => boolean;
  /** Called before the view of a client that connects is computed. */
  readonly onAdmitted?: (client: string) => void;
}

export interface ProxyRegistry extends Disposable {
  readonly admission: Admission;
  /** A Pod has come or changed: what its proxy said of itself is looked at again. */
  podChanged(namespace: string, name: string): void;
  proxy(client: string): ProxyNode | undefined;
  /** Calls back with every connected client whose view is another one from now on. */
  onViewChange(listener: (client: string) => void): Disposable;
  observe(event: StreamEvent): void;
}

export function createProxyRegistry(options: RegistryOptions): ProxyRegistry {
  const { graph, proxies, usedHosts, registrations } = options;
  const streams = new Map<string, number>();
  const leaving = new Map<string, NodeJS.Timeout>();
  const claims = createClaims({
    trustDomain: options.trustDomain,
    pod: options.pod,
    isConnected: (client) => streams.has(client),
  });
  const admission: Admission = {
    admit(node, peer) {
      if (options.isRevoked?.(peer) === true) {
        return { kind: 'refused', code: 'permission-denied', message: 'the certificate was revoked' };
      }
      const read = readProxyNode(node, options.discovery);
      if (!read.ok) return { kind: 'refused', code: 'permission-denied', message: read.message };
      const claim = claims.judge(read.proxy, peer);
      if (claim.kind === 'refused') return claim;
      if (claim.kind === 'evicting') options.expel(read.proxy.id, 'this id is that of another workload');
      admit(claim);
      return { kind: 'admitted', client: read.proxy.id };
    },
    view: (client) => streamView(client, options),
    candidates,
  };
  return {
    admission,
    proxy: (client) => proxies.get(client),
    podChanged(namespace, name) {
      for (const claim of claims.review(namespace, name)) {
        if (claim.kind === 'refused') options.expel(claim.client, claim.message);
        else admit(claim);
      }
    },
    onViewChange: (listener) => watchViews(options, listener),
    observe(event) {
      if (event.kind === 'connected') arrive(event.client);
      if (event.kind === 'disconnected') depart(event.client);
      if (event.kind === 'asked' && event.found !== undefined) {
        const proxy = proxies.get(event.client);
        if (proxy !== undefined) usedHosts.add(proxy, event.found);
      }
    },
    [Symbol.dispose]() {
      for (const timer of leaving.values()) clearTimeout(timer);
    },
  };

  function admit({ proxy }: Claimant): void {
    graph.transact(() => proxies.set(proxy.id, proxy));
    options.onAdmitted?.(proxy.id);
  }

  function arrive(client: string): void {
    clearTimeout(leaving.get(client));
    leaving.delete(client);
    streams.set(client, (streams.get(client) ?? 0) + 1);
    const proxy = proxies.get(client);
    if (proxy !== undefined) registrations.connected(proxy);
  }

  function depart(client: string): void {
    const left = (streams.get(client) ?? 1) - 1;
    if (left > 0) {
      streams.set(client, left);
      return;
    }
    streams.delete(client);
    const proxy = proxies.get(client);
    if (proxy !== undefined) registrations.disconnected(proxy);
    const timer = setTimeout(() => {
      leaving.delete(client);
      claims.forget(client);
      graph.transact(() => proxies.delete(client));
    }, absenceMs);
    timer.unref();
    leaving.set(client, timer);
  }
}

/** Streams move once the whole epoch is known to them: the resources of a new layer are there by then. */
function watchViews({ graph, views }: RegistryOptions, listener: (client: string) => void): Disposable {
  const moved = new Set<string>();
  const watch = graph.watch(views, ({ changes }) => {
    for (const [client, { before, after }] of changes) {
      if (before !== undefined && after !== undefined) moved.add(client);
    }
  });
  const turn = graph.onEpoch(() => {
    for (const client of moved) listener(client);
    moved.clear();
  });
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      turn[Symbol.dispose]();
    },
  };
}

const standIns = {
  ALLOW_ANY: (asked: string) => encodeUnknownHost('ALLOW_ANY', asked),
  REGISTRY_ONLY: (asked: string) => encodeUnknownHost('REGISTRY_ONLY', asked),
};

function streamView(client: string, { proxies, views, usedHosts }: RegistryOptions): StreamView {
  const [proxy, view] = [proxies.get(client), views.get(client)];
  if (proxy === undefined || view === undefined) return { layers: {}, onDemand: false, heldNames: {} };
  const { layers, onDemand, unknownHosts } = view;
  return {
    layers,
    onDemand,
    heldNames: onDemand ? { [typeUrls.virtualHost]: usedHosts.of(proxy) } : {},
    ...(unknownHosts === undefined ? {} : { standIn: standIns[unknownHosts] }),
  };
}
