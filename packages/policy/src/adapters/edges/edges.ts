// edges: keeps who calls whom in the policy service, for `xebec policy edges`, GET /v1/edges and /metrics. Rule: an edge is a pair of workloads, never of pods, so that a graph grows with the mesh's shape and not with its size.
import { type Decoder, decodeWith, durationOrZero, object, withDefault } from '@xebec/config/decode';
import { Timestamp } from '../../attributes/value.ts';
import type { Instance } from '../../templates/template.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { anySpelling } from '../spelling.ts';
import { textOf } from '../texts.ts';
import type { EdgeBoard, EdgeFacts } from './edge-graph.ts';

export interface EdgesConfig {
  /** Edges that nobody used for so long are forgotten; 0: they stay. Milliseconds. */
  readonly expiry: number;
}

const dayMs = 86_400_000;

export const edgesParams: Decoder<EdgesConfig> = anySpelling(
  object({ expiry: withDefault(durationOrZero, dayMs) }),
);

export const edgesForm: AdapterForm<EdgesConfig> = {
  name: 'edges',
  description: 'who calls whom, kept in the policy service and shown by `xebec policy edges`',
  templates: ['edge'],
  parse: (params) => decodeWith(edgesParams, params ?? {}),
};

export const createEdges = (board: EdgeBoard): Adapter<EdgesConfig> => ({
  ...edgesForm,
  build({ expiry }, { name, now, countLoss }) {
    const graph = board.open(name);
    return {
      report(instances) {
        const nowMs = now();
        if (expiry > 0) graph.expire(nowMs - expiry);
        const lost = instances.filter((instance) => !graph.add(factsOf(instance), timeOf(instance, nowMs)));
        countLoss(lost.length);
      },
      close: () => graph.release(),
    };
  },
});

const longest = 500;

function factsOf({ fields }: Instance): EdgeFacts {
  const told = (field: string): string => textOf(fields[field]).slice(0, longest);
  return {
    source: {
      namespace: told('source_workload_namespace'),
      workload: told('source_workload_name'),
      owner: told('source_owner'),
    },
    destination: {
      namespace: told('destination_workload_namespace'),
      workload: told('destination_workload_name'),
      owner: told('destination_owner'),
      service: told('destination_service_name'),
      serviceNamespace: told('destination_service_namespace'),
    },
    protocol: told('context_protocol'),
    apiProtocol: told('api_protocol'),
  };
}

/** A clock of others may go wrong: the future is now. */
function timeOf({ fields: { timestamp } }: Instance, nowMs: number): number {
  if (!(timestamp instanceof Timestamp)) return nowMs;
  return Math.min(nowMs, Math.max(0, Number(timestamp.nanoseconds / 1_000_000n)));
}
