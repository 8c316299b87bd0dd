// What is known of a workload before anybody calls it, in the words of the vocabulary.
import type { Knowledge, Known } from './express.ts';

export interface Destination {
  readonly namespace: string;
  /** Of its Pod or WorkloadEntry. */
  readonly name: string;
  readonly workloadName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** That may be called to reach it. */
  readonly services: readonly { readonly host: string; readonly name: string; readonly namespace: string }[];
  /** Calls only pass it: without a service, it has none that could be called. */
  readonly isGateway?: true;
}

/**
 * A service behind which no proxy of the mesh stands: the last proxy on the way decides. `gateway`: that of a gateway;
 * `client`: that of the workload which calls.
 */
export interface OutsideService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly decidedAt: 'gateway' | 'client';
}

const unknown: Known = { kind: 'unknown' };
const value = (text: string): Known => ({ kind: 'value', value: text });
const oneOf = (values: readonly string[], none: Known): Known => {
  const distinct = [...new Set(values)];
  return distinct.length === 0 ? none : { kind: 'one-of', values: distinct };
};

export const knowledgeOf = (called: Destination | OutsideService): Knowledge =>
  'decidedAt' in called ? knowledgeOfOutside(called) : knowledgeOfWorkload(called);

/** For calls that a workload's own proxy judges when they arrive. */
function knowledgeOfWorkload(destination: Destination): Knowledge {
  const { namespace, name, workloadName, labels, services } = destination;
  const none: Known = destination.isGateway === true ? { kind: 'absent' } : unknown;
  const hosts = oneOf(
    services.map(({ host }) => host),
    none,
  );
  const known: ReadonlyMap<string, Known> = new Map([
    ['context.reporter.kind', value('inbound')],
    ['destination.namespace', value(namespace)],
    ['destination.name', value(name)],
    ['destination.uid', value(`kubernetes://${name}.${namespace}`)],
    ['destination.workload.namespace', value(namespace)],
    ['destination.workload.name', value(workloadName)],
    ['destination.service', hosts],
    ['destination.service.host', hosts],
    [
      'destination.service.name',
      oneOf(
        services.map((service) => service.name),
        none,
      ),
    ],
    [
      'destination.service.namespace',
      oneOf(
        services.map((service) => service.namespace),
        none,
      ),
    ],
  ]);
  return {
    know(attribute, key) {
      if (attribute !== 'destination.labels') return known.get(attribute) ?? unknown;
      if (key === undefined) return unknown;
      const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return label === undefined ? { kind: 'absent' } : value(label);
    },
  };
}

/** What a client's proxy sees is its own application: who that is, only the policy service can tell. */
const callers = /^(source\.|request\.auth\.|connection\.requested_server_name$)/;
/** Nothing is known of workloads that are not the mesh's. */
const ofWorkloads = /^destination\.(uid|name|labels|owner|principal|serviceAccount|metadata|workload\.)/;

function knowledgeOfOutside({ host, name, namespace, decidedAt }: OutsideService): Knowledge {
  const known: ReadonlyMap<string, Known> = new Map([
    ['context.reporter.kind', value('outbound')],
    ['destination.namespace', value(namespace)],
    ['destination.service', value(host)],
    ['destination.service.host', value(host)],
    ['destination.service.name', value(name)],
    ['destination.service.namespace', value(namespace)],
  ]);
  return {
    know(attribute) {
      if (decidedAt === 'client' && callers.test(attribute)) return { kind: 'untold' };
      return known.get(attribute) ?? (ofWorkloads.test(attribute) ? { kind: 'absent' } : unknown);
    },
  };
}
