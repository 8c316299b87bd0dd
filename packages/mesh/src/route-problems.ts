// What became of delegation: routes that do not take effect, and VirtualServices without hosts that nobody delegates to.
import type { Collection, Graph } from '@xebec/flow';
import type { ObjectKey } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { conflictRow } from './conflict.ts';
import type { BoundRoute } from './routes.ts';

export function deriveRouteProblems(
  graph: Graph,
  routes: Collection<ObjectKey, BoundRoute>,
): Collection<string, Diagnostic> {
  const byDelegate = graph.index(routes, 'byDelegate', ({ delegates }) => delegates);
  return graph.derive({
    name: 'mesh.routeProblems',
    from: routes,
    reads: { byDelegate },
    equals: deepEqual,
    fn: ({ hosts, problems }, object, read) => {
      const isUnused = hosts.length === 0 && read.byDelegate.count(object) === 0;
      const unused = isUnused ? [unusedDelegate(object)] : [];
      return new Map([...problems, ...unused].map((problem) => conflictRow(problem, object)));
    },
  });
}

const unusedDelegate = (object: ObjectKey) => ({
  code: 'delegate-unused',
  object,
  field: 'spec',
  message: 'has no hosts and no VirtualService delegates to it: its routes are not used',
  remedy: 'add hosts, or delegate to it from a route of another VirtualService',
});
