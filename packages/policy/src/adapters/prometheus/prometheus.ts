// prometheus: metrics that Prometheus scrapes from the policy service. Rule: an instance that no metric names is none of its business; a label that is missing is "unknown".
import { policyReferences } from '@xebec/config';
import { decodeWith } from '@xebec/config/decode';
import type { Instance } from '../../templates/template.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { fieldsOf, numberOf, textOf } from '../texts.ts';
import type { BoardMetric, MetricBoard } from './metric-board.ts';
import { type MetricDefinition, type PrometheusConfig, prometheusParams } from './params.ts';

export const prometheusForm: AdapterForm<PrometheusConfig> = {
  name: 'prometheus',
  description: 'metrics for Prometheus, on the /metrics page of the policy service',
  templates: ['metric'],
  parse: (params) => decodeWith(prometheusParams, params ?? {}),
};

interface Filled {
  readonly definition: MetricDefinition;
  readonly metric: BoardMetric;
}

export const createPrometheus = (board: MetricBoard): Adapter<PrometheusConfig> => ({
  ...prometheusForm,
  build({ metrics, expiryMs }, { name: owner, namespace, now, reportProblem, countLoss }) {
    const opened = metrics.map((definition) => ({ definition, metric: board.open(definition, owner) }));
    const taken = opened.flatMap(({ definition, metric }) => (metric === undefined ? [definition.name] : []));
    if (taken.length > 0) reportProblem(`other handlers have metrics of these names: ${taken.join(', ')}`);
    const byInstance = new Map<string, Filled[]>();
    for (const { definition, metric } of opened) {
      if (metric === undefined) continue;
      for (const each of policyReferences(definition.instanceName, { kind: 'instance', namespace })) {
        const name = `${each.name}.instance.${each.namespace}`;
        byInstance.set(name, [...(byInstance.get(name) ?? []), { definition, metric }]);
      }
    }
    return {
      report(instances) {
        const nowMs = now();
        if (expiryMs > 0) for (const { name } of metrics) board.expire(name, nowMs - expiryMs);
        let lost = 0;
        for (const instance of instances)
          for (const filled of byInstance.get(instance.name) ?? [])
            if (!fill(filled, instance, nowMs)) lost += 1;
        if (lost > 0) countLoss(lost);
      },
      close() {
        for (const { metric } of opened) metric?.release();
      },
    };
  },
});

function fill({ definition, metric }: Filled, { fields }: Instance, nowMs: number): boolean {
  const value = numberOf(fields['value']);
  if (value === undefined) return false;
  const dimensions = fieldsOf(fields['dimensions']);
  const labels = definition.labelNames.map((name) => {
    const label = Object.hasOwn(dimensions, name) ? dimensions[name] : undefined;
    return label === undefined ? 'unknown' : textOf(label);
  });
  return metric.add(labels, value, nowMs);
}
