// Why an output is there, and the graph as a picture.
import { describe, expect, it } from 'vitest';
import { createGraph } from './index.ts';

function open() {
  const graph = createGraph();
  const services = graph.source<string, number>('services');
  const pods = graph.source<string, string>('pods');
  const byService = graph.index(pods, 'by "service"', (service) => [service]);
  const owners = graph.group(byService);
  const joined = graph.derive({
    name: 'joined',
    from: services,
    reads: { pods, byService },
    fn: (_, key, read) => {
      const [first] = read.byService.at(key);
      return [[`joined/${key}`, first === undefined ? 0 : read.pods.get('other')]];
    },
  });
  const all = graph.union('all', joined);
  return { graph, services, pods, owners, joined, all };
}

describe('explain', () => {
  it('gives the input, the reads and the epoch', () => {
    const { graph, services, pods, owners, joined, all } = open();
    graph.transact(() => services.set('s', 1));
    graph.transact(() => pods.set('p', 's'));
    graph.transact(() => pods.set('unrelated', 'x'));
    graph.transact(() => pods.set('other', 'y'));
    expect(graph.explain(services, 's')).toEqual({ collection: 'services', key: 's', epoch: 1, inputs: [] });
    expect(graph.explain(joined, 'joined/s')).toEqual({
      collection: 'joined',
      key: 'joined/s',
      epoch: 4,
      inputs: [
        { collection: 'services', key: 's', role: 'from' },
        { collection: 'pods', key: 'other', role: 'read' },
        { collection: 'pods.by "service"', key: 's', role: 'index' },
      ],
    });
    expect(graph.explain(owners, 's')?.inputs).toEqual([
      { collection: 'pods.by "service"', key: 's', role: 'index' },
      { collection: 'pods', key: 'p', role: 'from' },
    ]);
    expect(graph.explain(all, 'joined/s')?.inputs).toEqual([
      { collection: 'joined', key: 'joined/s', role: 'from' },
    ]);
    expect(graph.explain(joined, 'joined/t')).toBeUndefined();
  });
});

describe('diagram', () => {
  it('draws sources, transforms, and indexes as labels of the arrows', () => {
    expect(open().graph.diagram()).toBe(
      [
        'flowchart LR',
        '  n0[("services")]',
        '  n1[("pods")]',
        '  n2{{"pods.by &quot;service&quot;.group"}}',
        '  n3["joined"]',
        '  n4(["all"])',
        '  n1 -->|"by &quot;service&quot;"| n2',
        '  n0 --> n3',
        '  n1 -.-> n3',
        '  n1 -.->|"by &quot;service&quot;"| n3',
        '  n3 --> n4',
        '',
      ].join('\n'),
    );
  });
});
