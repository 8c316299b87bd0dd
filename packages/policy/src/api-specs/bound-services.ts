// Bindings by the service that a call is for.
import type { ServiceReference } from '@xebec/config';
import type { AttributeSource } from '../attributes/value.ts';

export interface BoundServices<T> {
  readonly isEmpty: boolean;
  /** What is bound to the destination's service, in the order it was bound, each once. */
  find(attributes: AttributeSource): readonly T[];
}

export interface Bound<T> {
  readonly services: readonly ServiceReference[];
  readonly things: readonly T[];
}

export function bindServices<T>(bindings: readonly Bound<T>[]): BoundServices<T> {
  const byNamespace = new Map<string, { service: ServiceReference; things: readonly T[] }[]>();
  for (const { services, things } of bindings) {
    for (const service of services) {
      const known = byNamespace.get(service.namespace);
      if (known === undefined) byNamespace.set(service.namespace, [{ service, things }]);
      else known.push({ service, things });
    }
  }
  return {
    isEmpty: byNamespace.size === 0,
    find: (attributes) => {
      if (byNamespace.size === 0) return [];
      const own = byNamespace.get(textOf(attributes, 'destination.service.namespace')) ?? [];
      const all = [...own, ...(byNamespace.get('*') ?? [])];
      return [
        ...new Set(all.filter(({ service }) => isFor(service, attributes)).flatMap(({ things }) => things)),
      ];
    },
  };
}

function isFor({ name, host, labels }: ServiceReference, attributes: AttributeSource): boolean {
  if (host !== undefined) {
    if (textOf(attributes, 'destination.service.host') !== host) return false;
  } else if (name !== '*' && textOf(attributes, 'destination.service.name') !== name) return false;
  return Object.entries(labels).every(
    ([key, value]) => attributes.getKey('destination.labels', key) === value,
  );
}

/** Text of an attribute; empty when there is none. */
export function textOf(attributes: AttributeSource, name: string): string {
  const value = attributes.get(name);
  return typeof value === 'string' ? value : '';
}
