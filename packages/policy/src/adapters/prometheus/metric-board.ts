// Metrics of adapters, in memory, and as the text that Prometheus reads. Rule: a name means one thing; series are bounded, and what does not fit is counted as lost.
import type { MetricDefinition } from './params.ts';

/** A metric while some handler fills it. */
export interface BoardMetric {
  /** False: there is no room for one more series, or the value is none that such a metric can have. `labels` in the order of the definition. */
  add(labels: readonly string[], value: number, nowMs: number): boolean;
  /** Another handler may use the name with another definition when nobody does any more. */
  release(): void;
}

export interface MetricBoard {
  /**
   * Undefined: the name is taken by another owner's metric of another kind or with other labels. An owner that defines
   * its own anew begins anew: the handler of the next configuration is built before that of the last is closed.
   */
  open(definition: MetricDefinition, owner: string): BoardMetric | undefined;
  /** Drops series that nothing was added to for so long. */
  expire(name: string, olderThanMs: number): void;
  /** In Prometheus' text format 0.0.4. */
  text(): string;
}

interface Series {
  readonly labels: readonly string[];
  value: number;
  count: number;
  /** Of distributions, by bound. */
  readonly buckets: number[];
  usedMs: number;
}

interface Family {
  readonly definition: MetricDefinition;
  readonly series: Map<string, Series>;
  /** Once for each handler that fills it. */
  readonly owners: string[];
}

const mostSeries = 10_000;

export function createMetricBoard(): MetricBoard {
  const families = new Map<string, Family>();
  return {
    open(definition, owner) {
      const found = families.get(definition.name);
      const isKept = found !== undefined && isSame(found.definition, definition);
      if (found?.owners.some((other) => other !== owner) && !isKept) return undefined;
      const family: Family = isKept ? found : { definition, series: new Map(), owners: [] };
      family.owners.push(owner);
      families.set(definition.name, family);
      let isOpen = true;
      return {
        add: (labels, value, nowMs) => addTo(family, { labels, value, nowMs }),
        release() {
          if (!isOpen) return;
          isOpen = false;
          family.owners.splice(family.owners.indexOf(owner), 1);
          if (family.owners.length === 0 && families.get(definition.name) === family)
            families.delete(definition.name);
        },
      };
    },
    expire(name, olderThanMs) {
      const { series } = families.get(name) ?? {};
      for (const [key, { usedMs }] of series ?? []) if (usedMs < olderThanMs) series?.delete(key);
    },
    text: () => [...families.values()].map(familyText).join(''),
  };
}

const isSame = (left: MetricDefinition, right: MetricDefinition): boolean =>
  left.kind === right.kind &&
  left.labelNames.join() === right.labelNames.join() &&
  left.bounds.join() === right.bounds.join();

interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
  readonly nowMs: number;
}

function addTo({ definition, series }: Family, { labels, value, nowMs }: Sample): boolean {
  // One value that is no number, or makes a counter smaller, would spoil all that came before.
  if (definition.kind !== 'GAUGE' && !Number.isFinite(value)) return false;
  if (definition.kind === 'COUNTER' && value < 0) return false;
  const key = JSON.stringify(labels);
  let found = series.get(key);
  if (found === undefined) {
    if (series.size >= mostSeries) return false;
    found = { labels, value: 0, count: 0, buckets: definition.bounds.map(() => 0), usedMs: nowMs };
    series.set(key, found);
  }
  found.usedMs = nowMs;
  found.count += 1;
  if (definition.kind === 'GAUGE') found.value = value;
  else found.value += value;
  if (definition.kind !== 'DISTRIBUTION') return true;
  const index = definition.bounds.findIndex((bound) => value <= bound);
  if (index >= 0) found.buckets[index] = (found.buckets[index] ?? 0) + 1;
  return true;
}

const types = { GAUGE: 'gauge', COUNTER: 'counter', DISTRIBUTION: 'histogram' } as const;

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const quoted = (text: string): string => `"${escaped(text).replaceAll('"', '\\"')}"`;

function familyText({ definition, series }: Family): string {
  const { name, description, kind, labelNames } = definition;
  const lines = [`# HELP ${name} ${escaped(description)}`, `# TYPE ${name} ${types[kind]}`];
  for (const each of series.values()) {
    const pairs = labelNames.map((label, index) => `${label}=${quoted(each.labels[index] ?? '')}`);
    const of = (more: readonly string[] = []): string =>
      pairs.length + more.length === 0 ? '' : `{${[...pairs, ...more].join()}}`;
    if (kind !== 'DISTRIBUTION') {
      lines.push(`${name}${of()} ${each.value}`);
      continue;
    }
    let below = 0;
    definition.bounds.forEach((bound, index) => {
      below += each.buckets[index] ?? 0;
      lines.push(`${name}_bucket${of([`le="${bound}"`])} ${below}`);
    });
    lines.push(`${name}_bucket${of(['le="+Inf"'])} ${each.count}`);
    lines.push(`${name}_sum${of()} ${each.value}`, `${name}_count${of()} ${each.count}`);
  }
  return `${lines.join('\n')}\n`;
}
