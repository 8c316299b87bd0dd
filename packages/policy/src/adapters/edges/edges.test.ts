// edges: calls become edges with counts and times; what does not fit is counted as lost.
import { describe, expect, it } from 'vitest';
import { Timestamp } from '../../attributes/value.ts';
import type { Instance } from '../../templates/template.ts';
import type { HandlerContext } from '../sdk.ts';
import { checkAdapterContract } from '../testing/contract.ts';
import { createEdgeBoard, createEdgeGraph } from './edge-graph.ts';
import { createEdges } from './edges.ts';

checkAdapterContract({
  adapter: {
    ...createEdges(createEdgeBoard()),
    build: () => createEdges(createEdgeBoard()).build({ expiry: 0 }, context),
  },
  params: { expiry: '1h' },
  wrong: [
    { params: { expiry: 'soon' }, field: 'expiry' },
    { params: { most: 3 }, field: 'most' },
  ],
});

let now = 10_000;
const context: HandlerContext = {
  name: 'graph.handler.default',
  namespace: 'default',
  instances: new Map(),
  now: () => now,
  reportProblem: () => undefined,
  countLoss: () => undefined,
  countTaken: () => undefined,
};
const signal = new AbortController().signal;

const called = (fields: Instance['fields']): Instance => ({
  template: 'edge',
  name: 'edge.instance.default',
  fields: {
    source_workload_namespace: 'front',
    source_workload_name: 'web',
    destination_workload_namespace: 'shop',
    destination_workload_name: 'cart-v1',
    destination_service_name: 'cart',
    destination_service_namespace: 'shop',
    context_protocol: 'http',
    ...fields,
  },
});

describe('a graph', () => {
  it('[MX-11] counts the calls of an edge, whichever pods made them, with the time of the first and the last', async () => {
    const board = createEdgeBoard();
    const handler = await createEdges(board).build({ expiry: 0 }, context);
    await handler.report?.(
      [
        called({ timestamp: new Timestamp(5_000_000_000n), source_uid: 'kubernetes://web-1.front' }),
        called({ timestamp: new Timestamp(7_000_000_000n), source_uid: 'kubernetes://web-2.front' }),
        called({ timestamp: new Timestamp(3_000_000_000n) }),
        called({ timestamp: new Timestamp(99_000_000_000n), context_protocol: 'grpc' }),
      ],
      signal,
    );
    expect(board.graphs().get('graph.handler.default')?.edges()).toEqual([
      {
        source: { namespace: 'front', workload: 'web', owner: '' },
        destination: {
          namespace: 'shop',
          workload: 'cart-v1',
          owner: '',
          service: 'cart',
          serviceNamespace: 'shop',
        },
        protocol: 'http',
        apiProtocol: '',
        ...{ calls: 3, firstMs: 3_000, lastMs: 7_000 },
      },
      expect.objectContaining({ protocol: 'grpc', calls: 1, firstMs: 10_000, lastMs: 10_000 }),
    ]);
    await handler.close?.();
    expect(board.graphs().size).toBe(0);
  });

  it('forgets edges that nobody used', async () => {
    const board = createEdgeBoard();
    const handler = await createEdges(board).build({ expiry: 1_000 }, context);
    await handler.report?.([called({})], signal);
    now += 1_001;
    await handler.report?.([called({ source_workload_name: 'other' })], signal);
    expect(board.graphs().get(context.name)?.edges()).toMatchObject([{ source: { workload: 'other' } }]);
  });

  it('is bounded, and says what does not fit', () => {
    const graph = createEdgeGraph(2);
    const facts = (workload: string) => ({
      source: { namespace: '', workload, owner: '' },
      destination: { namespace: '', workload: 'd', owner: '', service: '', serviceNamespace: '' },
      protocol: 'tcp',
      apiProtocol: '',
    });
    expect(['a', 'b', 'c', 'a'].map((workload) => graph.add(facts(workload), 1))).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });
});
