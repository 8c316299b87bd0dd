// The graph as operators read it: only with the token, filtered, and as metrics.
import { refuseMetrics } from '@xebec/ca';
import { createEdgeBoard } from '@xebec/policy';
import fastify from 'fastify';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { addEdgeMetrics, serveEdges } from './edge-routes.ts';

const board = createEdgeBoard();
const graph = board.open('graph.handler.default');
const call = (from: string, to: string, timeMs: number) =>
  graph.add(
    {
      source: { namespace: from, workload: 'web', owner: '' },
      destination: { namespace: to, workload: 'cart', owner: '', service: 'cart', serviceNamespace: to },
      protocol: 'http',
      apiProtocol: '',
    },
    timeMs,
  );
call('front', 'shop', 1_000);
call('front', 'shop', 2_000);
call('back', 'shop', 3_000);

const server = fastify();
serveEdges(server, board, { path: '/v1/edges', refuse: (said) => refuseMetrics({ token: 'secret' }, said) });
const headers = { authorization: 'Bearer secret' };

it('[MX-11] lists edges to who has the token', async () => {
  expect((await server.inject({ url: '/v1/edges' })).statusCode).toBe(401);
  const answer = await server.inject({ url: '/v1/edges?namespace=front', headers });
  expect(answer.json()).toEqual({
    edges: [
      {
        handler: 'graph.handler.default',
        source: { namespace: 'front', workload: 'web', owner: '' },
        destination: {
          namespace: 'shop',
          workload: 'cart',
          owner: '',
          service: 'cart',
          serviceNamespace: 'shop',
        },
        protocol: 'http',
        apiProtocol: '',
        calls: 2,
        first: '1970-01-01T00:00:01.000Z',
        last: '1970-01-01T00:00:02.000Z',
      },
    ],
    total: 1,
  });
  const all = await server.inject({ url: '/v1/edges?handler=graph', headers });
  expect(all.json().total).toBe(2);
  const none = await server.inject({ url: '/v1/edges?handler=grap', headers });
  expect(none.json().total).toBe(0);
});

it('[MX-11] counts calls of edges in metrics', async () => {
  const registry = new Registry();
  addEdgeMetrics(registry, board);
  await registry.metrics();
  const text = await registry.metrics();
  expect(text).toContain('xebec_policy_edges{handler="graph.handler.default"} 2');
  expect(text).toMatch(/xebec_policy_edge_calls_total\{.*source="front\/web",destination="shop\/cart".*\} 2/);
});
