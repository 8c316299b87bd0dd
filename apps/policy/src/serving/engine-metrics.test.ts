// Metrics of rules and handlers: what a real engine did is what a scrape shows, however often it is asked.
import { createPolicyEngine, inProcessAdapters, type PolicyObject } from '@xebec/policy';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { systemClock } from '../configuration/engine-holder.ts';
import { addEngineMetrics } from './engine-metrics.ts';

const at = { namespace: 'istio-system' };
const objects: readonly PolicyObject[] = [
  { kind: 'handler', ...at, name: 'deny', spec: { compiledAdapter: 'denier', params: {} } },
  {
    kind: 'instance',
    ...at,
    name: 'nothing',
    spec: { compiledTemplate: 'checknothing', params: {}, attributeBindings: {} },
  },
  {
    kind: 'rule',
    ...at,
    name: 'r',
    spec: {
      match: '',
      actions: [{ handler: 'deny', instances: ['nothing'], name: '' }],
      requestHeaderOperations: [],
      responseHeaderOperations: [],
    },
  },
];

it('shows what rules and handlers did', async () => {
  const { engine } = await createPolicyEngine({
    revision: 1,
    objects,
    adapters: inProcessAdapters({}),
    clock: systemClock,
    rootNamespace: 'istio-system',
  });
  const registry = new Registry();
  addEngineMetrics(registry, () => engine);
  await engine.check({ attributes: new Map() });
  await engine.check({ attributes: new Map() });
  await registry.metrics();
  const text = await registry.metrics();
  for (const line of [
    'xebec_policy_rule_calls_total{rule="r.rule.istio-system",outcome="matched"} 2',
    'xebec_policy_rule_calls_total{rule="r.rule.istio-system",outcome="denied"} 2',
    'xebec_policy_handler_calls_total{handler="deny.handler.istio-system",adapter="denier"} 2',
    'xebec_policy_handler_open{handler="deny.handler.istio-system"} 0',
    'xebec_policy_reported_instances_total{handler="deny.handler.istio-system",result="lost"} 0',
  ]) {
    expect(text).toContain(line);
  }
});
