// Which quotas a request takes from, and how much, as QuotaSpecs bound to its service say. Compiled once; a request looks only at bindings of its service.
import type { QuotaSpecBindingSpec, QuotaSpecSpec, ServiceReference, TextMatch } from '@xebec/config';
import type { AttributeSource } from '../../attributes/value.ts';
import { Failure } from '../../expressions/failure.ts';
import { compilePattern } from '../../expressions/regular-expression.ts';
import { dimensionText } from '../dimension-text.ts';

interface Named<Spec> {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Spec;
}

export interface QuotaSpecObjects {
  readonly specs: Iterable<Named<QuotaSpecSpec>>;
  readonly bindings: Iterable<Named<QuotaSpecBindingSpec>>;
}

export interface RequestedQuota {
  /** As written: `NAME`, `NAME.NAMESPACE` or `NAME.instance.NAMESPACE`. */
  readonly quota: string;
  /** Of the QuotaSpec: where a bare name is looked up. */
  readonly namespace: string;
  /** ≥ 1. */
  readonly charge: bigint;
}

export interface QuotaSpecs {
  /** No binding speaks of any service. */
  readonly isEmpty: boolean;
  /** `isNamed`: without what is bound to all services. Each quota once, charges of all clauses that hold added up; in the order of their names. */
  requestedBy(attributes: AttributeSource, how?: { readonly isNamed: boolean }): readonly RequestedQuota[];
  /** All that a request to its service could take from, whatever clauses say. */
  boundTo(attributes: AttributeSource): readonly RequestedQuota[];
}

interface Clause {
  readonly attribute: string;
  readonly key?: string;
  readonly test: (value: string) => boolean;
}

interface Rule {
  readonly match: readonly (readonly Clause[])[];
  readonly quotas: readonly RequestedQuota[];
}

interface Bound {
  readonly service: ServiceReference;
  readonly rules: readonly Rule[];
}

export function compileQuotaSpecs({ specs, bindings }: QuotaSpecObjects): QuotaSpecs {
  const rules = new Map([...specs].map((one) => [`${one.namespace}/${one.name}`, compileRules(one)]));
  const byNamespace = new Map<string, Bound[]>();
  for (const { spec } of bindings) {
    const bound = spec.quotaSpecs.flatMap(({ namespace, name }) => rules.get(`${namespace}/${name}`) ?? []);
    for (const service of spec.services) {
      const others = byNamespace.get(service.namespace) ?? [];
      byNamespace.set(service.namespace, [...others, { service, rules: bound }]);
    }
  }
  return {
    isEmpty: byNamespace.size === 0,
    requestedBy: (attributes, { isNamed } = { isNamed: false }) =>
      byNamespace.size === 0 ? [] : requestedBy(byNamespace, attributes, isNamed),
    boundTo: (attributes) => [...boundRules(byNamespace, attributes)].flatMap(({ quotas }) => quotas),
  };
}

const compileRules = ({ namespace, spec }: Named<QuotaSpecSpec>): readonly Rule[] =>
  spec.rules.map(({ match, quotas }) => ({
    match: match.map((clause) => Object.entries(clause).map(([name, text]) => compileClause(name, text))),
    quotas: quotas.map(({ quota, charge }) => ({ quota, namespace, charge: BigInt(charge) })),
  }));

function compileClause(name: string, match: TextMatch): Clause {
  const [, attribute = name, key] = /^([^[]+)\[([^\]]+)\]$/.exec(name) ?? [];
  return { attribute, ...(key === undefined ? {} : { key }), test: tester(match) };
}

function tester({ kind, value }: TextMatch): (text: string) => boolean {
  if (kind === 'exact') return (text) => text === value;
  if (kind === 'prefix') return (text) => text.startsWith(value);
  const pattern = compilePattern(`^(?:${value})$`);
  // Refused when it was written; a quota that cannot be told apart is charged rather than free.
  return pattern instanceof Failure ? () => true : (text) => pattern.test(text);
}

function requestedBy(
  byNamespace: ReadonlyMap<string, readonly Bound[]>,
  attributes: AttributeSource,
  isNamed: boolean,
): readonly RequestedQuota[] {
  const found = new Map<string, RequestedQuota>();
  for (const rule of boundRules(byNamespace, attributes, isNamed)) {
    if (
      rule.match.length > 0 &&
      !rule.match.some((clauses) => clauses.every((one) => holds(one, attributes)))
    )
      continue;
    for (const one of rule.quotas) {
      const key = `${one.namespace}/${one.quota}`;
      found.set(key, { ...one, charge: one.charge + (found.get(key)?.charge ?? 0n) });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** Each once, however many bindings name it. */
function boundRules(
  byNamespace: ReadonlyMap<string, readonly Bound[]>,
  attributes: AttributeSource,
  isNamed = false,
): ReadonlySet<Rule> {
  const namespace = textOf(attributes, 'destination.service.namespace');
  const bound = [...(byNamespace.get(namespace) ?? []), ...(byNamespace.get('*') ?? [])];
  return new Set(
    bound
      .filter(({ service }) => isFor(service, attributes) && !(isNamed && isEveryone(service)))
      .flatMap(({ rules }) => rules),
  );
}

const isEveryone = ({ name, host }: ServiceReference): boolean => host === undefined && name === '*';

function isFor({ name, host, labels }: ServiceReference, attributes: AttributeSource): boolean {
  if (host !== undefined) {
    if (textOf(attributes, 'destination.service.host') !== host) return false;
  } else if (name !== '*' && textOf(attributes, 'destination.service.name') !== name) return false;
  return Object.entries(labels).every(
    ([key, value]) => attributes.getKey('destination.labels', key) === value,
  );
}

function holds({ attribute, key, test }: Clause, attributes: AttributeSource): boolean {
  const value = key === undefined ? attributes.get(attribute) : attributes.getKey(attribute, key);
  return value !== undefined && test(dimensionText(value));
}

function textOf(attributes: AttributeSource, name: string): string {
  const value = attributes.get(name);
  return typeof value === 'string' ? value : '';
}
