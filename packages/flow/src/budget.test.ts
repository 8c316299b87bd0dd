// Cost follows the change, not the collection: counted in calls, never in time.
import { describe, expect, it } from 'vitest';
import { createGraph } from './index.ts';

function openMesh(serviceCount: number) {
  const graph = createGraph();
  const services = graph.source<string, number>('services');
  const endpoints = graph.source<string, { readonly service: string; readonly weight: number }>('endpoints');
  let anchorCalls = 0;
  const byService = graph.index(endpoints, 'byService', ({ service }) => {
    anchorCalls += 1;
    return [service, 'all'];
  });
  const loads = graph.derive({
    name: 'loads',
    from: services,
    reads: { byService },
    fn: (_, key, read) => [[key, read.byService.at(key).reduce((sum, [, { weight }]) => sum + weight, 0)]],
  });
  const encoded = graph.derive({ name: 'encoded', from: loads, fn: (sum, key) => [[key, `load ${sum}`]] });
  const owners = graph.derive({
    name: 'owners',
    from: graph.group(byService),
    fn: (keys, key) => [[key, keys.size]],
  });
  graph.transact(() => {
    for (let s = 0; s < serviceCount; s += 1) {
      services.set(`s${s}`, s);
      for (let e = 0; e < 10; e += 1) endpoints.set(`s${s}/e${e}`, { service: `s${s}`, weight: e });
    }
  });
  /** Runs by collection and calls of the anchor function that `write` costs. */
  const costOf = (write: () => void) => {
    const before = graph.runs();
    anchorCalls = 0;
    graph.transact(write);
    const runs = Object.entries(graph.runs()).map(
      ([name, count]) => [name, count - (before[name] ?? 0)] as const,
    );
    return { anchorCalls, ...Object.fromEntries(runs.filter(([, count]) => count > 0)) };
  };
  return { graph, services, endpoints, encoded, owners, costOf };
}

describe.each([10, 1000])('of %i services', (serviceCount) => {
  const { graph, services, endpoints, encoded, owners, costOf } = openMesh(serviceCount);
  const group = 'endpoints.byService.group';

  it('the first transaction runs each key once', () => {
    expect(graph.runs()).toEqual({
      loads: serviceCount,
      encoded: serviceCount,
      [group]: serviceCount + 1,
      owners: serviceCount + 1,
    });
  });

  it('a changed endpoint costs its service, also where all share an anchor', () => {
    const cost = costOf(() => endpoints.set('s7/e3', { service: 's7', weight: 100 }));
    expect(cost).toEqual({ anchorCalls: 2, loads: 1, encoded: 1 });
    expect(encoded.get('s7')).toBe('load 142');
  });

  it('an endpoint that moves costs two services and the anchors whose members are others', () => {
    const cost = costOf(() => endpoints.set('s7/e3', { service: 's8', weight: 3 }));
    expect(cost).toEqual({ anchorCalls: 2, loads: 2, encoded: 2, [group]: 2, owners: 2 });
    expect([owners.get('s7'), owners.get('s8'), owners.get('all')]).toEqual([9, 11, serviceCount * 10]);
  });

  it('what changes no output stops there, and what is the same costs nothing', () => {
    expect(costOf(() => services.set('s1', -1))).toEqual({ anchorCalls: 0, loads: 1 });
    expect(costOf(() => services.set('s1', -1))).toEqual({ anchorCalls: 0 });
    expect(costOf(() => {})).toEqual({ anchorCalls: 0 });
  });
});
