// Who calls whom, for operators: as JSON on the socket of the state directory and, with the token of the metrics, over HTTP; and as metrics. Rule: a page is bounded, and says when it does not show all.
import type { Edge, EdgeBoard } from '@xebec/policy';
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, type Registry } from 'prom-client';

interface KeptEdge extends Edge {
  /** `NAME.handler.NAMESPACE`. */
  readonly handler: string;
}

/** By handler, then by source and destination. */
function keptEdges(board: EdgeBoard): readonly KeptEdge[] {
  return [...board.graphs()]
    .flatMap(([handler, graph]) => graph.edges().map((edge) => ({ handler, ...edge })))
    .map((edge) => ({ edge, name: `${edge.handler} ${endOf(edge.source)} ${endOf(edge.destination)}` }))
    .sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0))
    .map(({ edge }) => edge);
}

const endOf = ({ namespace, workload }: Edge['source']): string => `${namespace}/${workload}`;

const mostListed = 5_000;

export interface EdgeRoute {
  readonly path: string;
  /** Who may read, by the header `authorization`: why not. Absent: whoever reaches the server. */
  readonly refuse?: (authorization: string | undefined) => string | undefined;
}

/** `?namespace=` leaves edges that neither begin nor end there; `?handler=` those of others. */
export function serveEdges(server: FastifyInstance, board: EdgeBoard, { path, refuse }: EdgeRoute): void {
  server.get(path, (request, reply) => {
    const refusal = refuse?.(request.headers.authorization);
    if (refusal !== undefined) return reply.code(401).header('www-authenticate', 'Bearer').send(refusal);
    const [namespace, handler] = ['namespace', 'handler'].map((name) => textIn(request.query, name));
    const found = keptEdges(board).filter(
      (edge) =>
        (handler === undefined ||
          edge.handler === handler ||
          edge.handler.startsWith(`${handler}.handler.`)) &&
        (namespace === undefined ||
          [edge.source, edge.destination].some((end) => end.namespace === namespace)),
    );
    return reply.send({ edges: found.slice(0, mostListed).map(written), total: found.length });
  });
}

function textIn(from: unknown, name: string): string | undefined {
  const value: unknown = Reflect.get(Object(from), name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const written = ({ firstMs, lastMs, ...edge }: KeptEdge) => ({
  ...edge,
  first: new Date(firstMs).toISOString(),
  last: new Date(lastMs).toISOString(),
});

/** Series of one handler's graph on the page of metrics, at most. */
const mostShown = 500;

export function addEdgeMetrics(registry: Registry, board: EdgeBoard): void {
  const registers = [registry];
  new Gauge({
    name: 'xebec_policy_edges',
    help: 'Edges between workloads that a handler keeps.',
    labelNames: ['handler'],
    registers,
    collect() {
      this.reset();
      for (const [handler, graph] of board.graphs()) this.set({ handler }, graph.edges().length);
    },
  });
  new Counter({
    name: 'xebec_policy_edge_calls_total',
    help: `Calls of an edge, of the first ${mostShown} edges by name.`,
    labelNames: ['handler', 'source', 'destination', 'service', 'protocol'],
    registers,
    collect() {
      this.reset();
      for (const edge of keptEdges(board).slice(0, mostShown)) {
        const { handler, source, destination, protocol, calls } = edge;
        const service = `${destination.serviceNamespace}/${destination.service}`;
        this.inc(
          { handler, source: endOf(source), destination: endOf(destination), service, protocol },
          calls,
        );
      }
    },
  });
}
