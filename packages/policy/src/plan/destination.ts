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
}

const unknown: Known = { kind: 'unknown' };
const value = (text: string): Known => ({ kind: 'value', value: text });
const oneOf = (values: readonly string[]): Known => {
  const distinct = [...new Set(values)];
  return distinct.length === 0 ? unknown : { kind: 'one-of', values: distinct };
};

/** For calls that a workload's own proxy judges when they arrive. */
export function knowledgeOf(destination: Destination): Knowledge {
  const { namespace, name, workloadName, labels, services } = destination;
  const hosts = oneOf(services.map(({ host }) => host));
  const known: ReadonlyMap<string, Known> = new Map([
    ['context.reporter.kind', value('inbound')],
    ['destination.namespace', value(namespace)],
    ['destination.name', value(name)],
    ['destination.uid', value(`kubernetes://${name}.${namespace}`)],
    ['destination.workload.namespace', value(namespace)],
    ['destination.workload.name', value(workloadName)],
    ['destination.service', hosts],
    ['destination.service.host', hosts],
    ['destination.service.name', oneOf(services.map((service) => service.name))],
    ['destination.service.namespace', oneOf(services.map((service) => service.namespace))],
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
