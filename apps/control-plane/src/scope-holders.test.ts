// Whose scope a Sidecar is, and in which epoch that changed.
import { createGraph } from '@xebec/flow';
import type { Scope } from '@xebec/model';
import { expect, test } from 'vitest';
import { watchScopes } from './scope-holders.ts';

const scope = (name: string, host: string): Scope => ({
  id: `Sidecar/a/${name}@a`,
  object: `Sidecar/a/${name}`,
  hosts: [{ imports: [{ namespace: '*', host }] }],
  dialed: [],
});

test('tells who got, changed and lost a scope, for as long as it is remembered', () => {
  const graph = createGraph();
  const scopes = graph.source<string, Scope>('scopes');
  graph.transact(() => scopes.set('early', scope('x', '*')));
  using holders = watchScopes(graph, scopes, 2);
  expect([...holders.now('Sidecar/a/x')]).toEqual([['early', 0]]);
  graph.transact(() => scopes.set('late', scope('x', '*')));
  const gotAt = graph.epoch;
  graph.transact(() => scopes.set('early', scope('y', '*')));
  const movedAt = graph.epoch;
  expect([...holders.now('Sidecar/a/x')]).toEqual([['late', gotAt]]);
  expect([...holders.now('Sidecar/a/y')]).toEqual([['early', movedAt]]);
  expect([...holders.at('Sidecar/a/x', movedAt)]).toEqual([['early', movedAt]]);
  expect([...holders.at('Sidecar/a/y', movedAt)]).toEqual([['early', movedAt]]);
  expect([...holders.at('Sidecar/a/x', gotAt)]).toEqual([['late', gotAt]]);
  expect([...holders.now('VirtualService/a/x')]).toEqual([]);
  for (const host of ['a', 'b', 'c']) graph.transact(() => scopes.set('late', scope('x', host)));
  expect([...holders.at('Sidecar/a/x', gotAt)]).toEqual([]);
  graph.transact(() => scopes.delete('late'));
  expect([...holders.now('Sidecar/a/x')]).toEqual([]);
  expect([...holders.at('Sidecar/a/x', graph.epoch)]).toEqual([['late', graph.epoch]]);
});
