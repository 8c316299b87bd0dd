// Who may open a stream, what it sees, and what is known of it: the admission of the xDS server.

import { parseSpiffeId } from '@xebec/ca';
import { candidates, encodeUnknownHost, type ProxyView, typeUrls } from '@xebec/envoy';
import type { Collection, Graph, Source } from '@xebec/flow';
import type { ProxyNode } from '@xebec/model';
import type { Admission, Peer, StreamEvent, StreamView } from '@xebec/xds';
import { readProxyNode } from './proxy-node.ts';
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
  /** Called before the view of a client that connects is computed. */
  readonly onAdmitted?: (client: string) => void;
}

export interface ProxyRegistry extends Disposable {
  readonly admission: Admission;
  proxy(client: string): ProxyNode | undefined;
  /** Calls back with every connected client whose view is another one from now on. */
  onViewChange(listener: (client: string) => void): Disposable;
  observe(event: StreamEvent): void;
}

export function createProxyRegistry(options: RegistryOptions): ProxyRegistry {
  const { graph, proxies, usedHosts, registrations } = options;
  const streams = new Map<string, number>();
  const leaving = new Map<string, NodeJS.Timeout>();
  const admission: Admission = {
    admit(node, peer) {
      const read = readProxyNode(node, options.discovery);
      if (!read.ok) return { kind: 'refused', code: 'permission-denied', message: read.message };
      const refusal = identityRefusal(read.proxy, peer, options.trustDomain);
      if (refusal !== undefined) return refusal;
      graph.transact(() => proxies.set(read.proxy.id, read.proxy));
      options.onAdmitted?.(read.proxy.id);
      return { kind: 'admitted', client: read.proxy.id };
    },
    view: (client) => streamView(client, options),
    candidates,
  };
  return {
    admission,
    proxy: (client) => proxies.get(client),
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

/** Plaintext is loopback only and believes the node; everybody else must be who the node says. */
function identityRefusal(
  proxy: ProxyNode,
  peer: Peer,
  trustDomain: string,
): Extract<ReturnType<Admission['admit']>, { kind: 'refused' }> | undefined {
  if (peer.isPlaintext) return undefined;
  if (peer.identities.length === 0) {
    return {
      kind: 'refused',
      code: 'unauthenticated',
      message: 'a client certificate of the mesh is required',
    };
  }
  const isSame = peer.identities.some((uri) => {
    const identity = parseSpiffeId(uri);
    return (
      identity.ok &&
      identity.value.trustDomain === trustDomain &&
      identity.value.namespace === proxy.namespace &&
      identity.value.serviceAccount === proxy.serviceAccount
    );
  });
  if (isSame) return undefined;
  return {
    kind: 'refused',
    code: 'permission-denied',
    message: `the certificate's identity does not match the node's namespace "${proxy.namespace}" and service account "${proxy.serviceAccount}"`,
  };
}
