// Metrics that handlers share, change and leave; values and labels that would spoil them.
import { expect, test } from 'vitest';
import { createMetricBoard } from './metric-board.ts';
import type { MetricDefinition } from './params.ts';

const definition = (change: Partial<MetricDefinition> = {}): MetricDefinition => ({
  name: 'istio_calls',
  instanceName: 'calls',
  description: 'Calls.',
  kind: 'COUNTER',
  labelNames: ['a', 'b'],
  bounds: [],
  ...change,
});

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('a handler that is built anew with other labels begins anew, before the one before it is closed', () => {
  const board = createMetricBoard();
  const before = board.open(definition(), 'h');
  before?.add(['1', '2'], 5, 0);
  const after = board.open(definition({ labelNames: ['c'] }), 'h');
  after?.add(['3'], 1, 0);
  before?.add(['1', '2'], 1, 0);
  before?.release();
  expect(linesOf(board.text())).toEqual(['istio_calls{c="3"} 1']);
  after?.release();
  expect(board.text()).toBe('');
});

test('what did not change goes on, and what another handler has is not taken from it', () => {
  const board = createMetricBoard();
  const first = board.open(definition(), 'h');
  first?.add(['1', '2'], 5, 0);
  const again = board.open(definition(), 'h');
  first?.release();
  expect(board.open(definition({ labelNames: [] }), 'other')).toBeUndefined();
  again?.add(['1', '2'], 1, 0);
  expect(linesOf(board.text())).toEqual(['istio_calls{a="1",b="2"} 6']);
});

test('labels are told apart whatever is in them, and end no line', () => {
  const board = createMetricBoard();
  const metric = board.open(definition(), 'h');
  metric?.add(['x\u0000y', 'z'], 1, 0);
  metric?.add(['x', 'y\u0000z'], 1, 0);
  metric?.add(['"\n', '\\'], 1, 0);
  expect(linesOf(board.text())).toHaveLength(3);
  expect(board.text()).toContain('istio_calls{a="\\"\\n",b="\\\\"} 1');
});

test('what is no number, or below 0, spoils no counter', () => {
  const board = createMetricBoard();
  const counter = board.open(definition(), 'h');
  expect(counter?.add(['1', '2'], 5, 0)).toBe(true);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1])
    expect(counter?.add(['1', '2'], value, 0)).toBe(false);
  expect(linesOf(board.text())).toEqual(['istio_calls{a="1",b="2"} 5']);
  const gauge = board.open(definition({ name: 'level', kind: 'GAUGE', labelNames: [] }), 'h');
  expect(gauge?.add([], -1, 0)).toBe(true);
});
