// Who calls whom, as edges told it: one edge for each pair of workloads, service and protocol. Rule: bounded; what does not fit is told, so that it can be counted as lost.

export interface EdgeSource {
  readonly namespace: string;
  readonly workload: string;
  /** What the workload belongs to: `kubernetes://apis/apps/v1/namespaces/NAMESPACE/deployments/NAME`. */
  readonly owner: string;
}

export interface EdgeDestination extends EdgeSource {
  readonly service: string;
  readonly serviceNamespace: string;
}

/** What one call says of its edge. */
export interface EdgeFacts {
  readonly source: EdgeSource;
  readonly destination: EdgeDestination;
  /** `http`, `grpc`, `tcp`. */
  readonly protocol: string;
  /** Of an API that is described: `http`, `https`, `grpc`. */
  readonly apiProtocol: string;
}

export interface Edge extends EdgeFacts {
  readonly calls: number;
  /** Milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface EdgeGraph {
  /** False: there is no room for one more edge. */
  add(facts: EdgeFacts, timeMs: number): boolean;
  /** Forgets edges whose last call is older. */
  expire(olderThanMs: number): void;
  /** In the order in which they were first seen. */
  edges(): readonly Edge[];
}

export const mostEdges = 10_000;

export function createEdgeGraph(most: number = mostEdges): EdgeGraph {
  const edges = new Map<string, { -readonly [Field in keyof Edge]: Edge[Field] }>();
  return {
    add(facts, timeMs) {
      const key = keyOf(facts);
      const found = edges.get(key);
      if (found === undefined) {
        if (edges.size >= most) return false;
        edges.set(key, { ...facts, calls: 1, firstMs: timeMs, lastMs: timeMs });
        return true;
      }
      found.calls += 1;
      found.firstMs = Math.min(found.firstMs, timeMs);
      found.lastMs = Math.max(found.lastMs, timeMs);
      return true;
    },
    expire(olderThanMs) {
      for (const [key, { lastMs }] of edges) if (lastMs < olderThanMs) edges.delete(key);
    },
    edges: () => [...edges.values()].map((edge) => ({ ...edge })),
  };
}

const keyOf = ({ source, destination, protocol, apiProtocol }: EdgeFacts): string =>
  [
    ...[source.namespace, source.workload, source.owner],
    ...[destination.namespace, destination.workload, destination.owner],
    ...[destination.serviceNamespace, destination.service, protocol, apiProtocol],
  ].join('\u0000');

/** The graphs of all handlers that keep one. */
export interface EdgeBoard {
  /** While a handler keeps it; a name that is taken gets the graph anew. */
  open(handler: string): EdgeGraph & { release(): void };
  /** By the handler's name: `NAME.handler.NAMESPACE`. */
  graphs(): ReadonlyMap<string, EdgeGraph>;
}

export function createEdgeBoard(): EdgeBoard {
  const graphs = new Map<string, EdgeGraph>();
  return {
    open(handler) {
      const graph = createEdgeGraph();
      graphs.set(handler, graph);
      const release = (): void => {
        if (graphs.get(handler) === graph) graphs.delete(handler);
      };
      return { ...graph, release };
    },
    graphs: () => graphs,
  };
}
