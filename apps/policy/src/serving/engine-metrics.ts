// What rules and handlers did, as metrics. Rule: labels name objects of the configuration, never callers.
import type { HandlerReport, PolicyEngine, RuleReport } from '@xebec/policy';
import { Counter, Gauge, type Registry } from 'prom-client';

type Engine = () => PolicyEngine;

export function addEngineMetrics(registry: Registry, engine: Engine): void {
  addRuleMetrics(registry, engine);
  addHandlerMetrics(registry, engine);
  addReportMetrics(registry, engine);
}

const outcomes = [
  'matched',
  'denied',
  'failed',
  'unsampled',
] as const satisfies readonly (keyof RuleReport)[];

function addRuleMetrics(registry: Registry, engine: Engine): void {
  new Counter({
    name: 'xebec_policy_rule_calls_total',
    help: 'Calls that a rule matched, refused, failed in or left out by sampling.',
    labelNames: ['rule', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const rule of engine().inspect().rules)
        for (const outcome of outcomes) this.inc({ rule: rule.name, outcome }, rule[outcome]);
    },
  });
}

const millisecondsPerSecond = 1_000;

/** One number of each handler that only grows. */
interface Grown {
  readonly name: string;
  readonly help: string;
  readonly value: (handler: HandlerReport) => number;
}

const grown: readonly Grown[] = [
  { name: 'calls', help: 'Calls of a handler.', value: ({ calls }) => calls },
  {
    name: 'errors',
    help: 'Calls that a handler failed, or that were not made.',
    value: ({ errors }) => errors,
  },
  {
    name: 'timeouts',
    help: 'Calls that a handler did not answer in time.',
    value: ({ timeouts }) => timeouts,
  },
  {
    name: 'seconds',
    help: 'Time that calls of a handler took together.',
    value: ({ latencySumMs }) => latencySumMs / millisecondsPerSecond,
  },
];

function addHandlerMetrics(registry: Registry, engine: Engine): void {
  for (const { name, help, value } of grown) {
    new Counter({
      name: `xebec_policy_handler_${name}_total`,
      help,
      labelNames: ['handler', 'adapter'],
      registers: [registry],
      collect() {
        this.reset();
        for (const handler of engine().inspect().handlers)
          this.inc({ handler: handler.name, adapter: handler.adapter }, value(handler));
      },
    });
  }
  new Gauge({
    name: 'xebec_policy_handler_open',
    help: '1: the handler has failed too often and is left alone for a while.',
    labelNames: ['handler'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, isOpen } of engine().inspect().handlers) this.set({ handler: name }, Number(isOpen));
    },
  });
}

function addReportMetrics(registry: Registry, engine: Engine): void {
  new Counter({
    name: 'xebec_policy_reported_instances_total',
    help: 'Instances of reports that a handler took, and those that were lost.',
    labelNames: ['handler', 'result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, delivered, lost } of engine().inspect().handlers) {
        this.inc({ handler: name, result: 'delivered' }, delivered);
        this.inc({ handler: name, result: 'lost' }, lost);
      }
    },
  });
  new Gauge({
    name: 'xebec_policy_queued_instances',
    help: 'Instances of reports that wait for a handler.',
    labelNames: ['handler'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, queued } of engine().inspect().handlers) this.set({ handler: name }, queued);
    },
  });
}
