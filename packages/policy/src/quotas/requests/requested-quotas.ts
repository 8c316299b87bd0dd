// All quotas that a proxy's request takes from: those of QuotaSpecs and those of QuotaPools that name requests.
import type { QuotaPoolSpec } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import type { AttributeSource, ValueType } from '../../attributes/value.ts';
import type { Vocabulary } from '../../attributes/vocabulary.ts';
import { shortName } from '../../configuration/names.ts';
import { isAboutDestination } from '../../engine/named-destination.ts';
import { compileExpression } from '../../expressions/compile-expression.ts';
import type { Expression } from '../../expressions/expression.ts';
import { parseAmount } from '../amount.ts';
import { fullName } from '../quota-handler.ts';
import { compileQuotaSpecs, type QuotaSpecObjects } from './quota-specs.ts';

export interface QuotaSources extends QuotaSpecObjects {
  readonly pools: Iterable<{
    readonly namespace: string;
    readonly name: string;
    readonly spec: QuotaPoolSpec;
  }>;
  readonly vocabulary: Vocabulary;
  /** Pools of it are for requests to all services. */
  readonly rootNamespace: string;
}

export interface RequestedAmounts {
  /** By full name of the instance: what `CheckCall.quotas` is asked with. */
  readonly amounts: ReadonlyMap<string, bigint>;
  /** Pools whose charge cannot be told, and that refuse then. */
  readonly problems: readonly string[];
}

export interface RequestedQuotas {
  readonly isEmpty: boolean;
  /** `isPassing`: the destination is a gateway on the way; only what names it takes something there. */
  requestedBy(attributes: AttributeSource, how?: { readonly isPassing: boolean }): RequestedAmounts;
  /** Whether some request to the destination could take from a quota, whatever the rest of it says. */
  mayTakeFrom(quota: string, attributes: AttributeSource): boolean;
}

interface PoolCharge {
  readonly quota: string;
  readonly isOpen: boolean;
  readonly match?: Expression;
  readonly charge?: Expression;
}

export function compileRequestedQuotas(sources: QuotaSources): RequestedQuotas {
  const specs = compileQuotaSpecs(sources);
  const byNamespace = new Map<string, PoolCharge[]>();
  for (const { namespace, name, spec } of sources.pools) {
    for (const { match, charge } of spec.requests) {
      const one: PoolCharge = {
        quota: `${name}.instance.${namespace}`,
        isOpen: spec.failurePolicy === 'open',
        ...compiled('match', match, sources.vocabulary),
        ...compiled('charge', charge, sources.vocabulary),
      };
      byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), one]);
    }
  }
  const root = byNamespace.get(sources.rootNamespace) ?? [];
  byNamespace.delete(sources.rootNamespace);
  return {
    isEmpty: specs.isEmpty && root.length === 0 && byNamespace.size === 0,
    requestedBy(attributes, { isPassing } = { isPassing: false }) {
      const own = byNamespace.get(textOf(attributes.get('destination.namespace'))) ?? [];
      const amounts = new Map<string, bigint>();
      const add = (quota: string, amount: bigint): void =>
        void amounts.set(quota, amount + (amounts.get(quota) ?? 0n));
      for (const { quota, namespace, charge } of specs.requestedBy(attributes, { isNamed: isPassing }))
        add(fullName(quota, namespace), charge);
      const all = [...root, ...own];
      const asked = isPassing ? all.filter(({ match }) => isAboutDestination(match, attributes)) : all;
      const problems = asked.flatMap((one) => chargePool(one, attributes, add));
      return { amounts, problems };
    },
    mayTakeFrom(quota, attributes) {
      const own = byNamespace.get(textOf(attributes.get('destination.namespace'))) ?? [];
      const wanted = quota.toLowerCase();
      const isMeant = (name: string): boolean =>
        [name, shortName(name)].some((each) => each.toLowerCase() === wanted);
      return (
        [...root, ...own].some((one) => isMeant(one.quota)) ||
        specs
          .boundTo(attributes)
          .some(({ quota: written, namespace }) => isMeant(fullName(written, namespace)))
      );
    },
  };
}

/** What is wrong with the expressions of `requests`; fields start at the object. */
export function checkPoolRequests(
  { requests }: QuotaPoolSpec,
  vocabulary: Vocabulary,
): readonly Diagnostic[] {
  return requests.flatMap(({ match, charge, settle }, index) => {
    const at = `spec.requests[${index}]`;
    return [
      ...(match === '' ? [] : checkExpression(match, { field: `${at}.match`, wanted: ['BOOL'], vocabulary })),
      ...checkExpression(charge, { field: `${at}.charge`, wanted: ['INT64', 'DOUBLE'], vocabulary }),
      ...(settle === ''
        ? []
        : checkExpression(settle, { field: `${at}.settle`, wanted: ['INT64', 'DOUBLE'], vocabulary })),
    ];
  });
}

interface Wanted {
  readonly field: string;
  readonly wanted: readonly ValueType[];
  readonly vocabulary: Vocabulary;
}

function checkExpression(text: string, { field, wanted, vocabulary }: Wanted): readonly Diagnostic[] {
  const result = compileExpression(text, { vocabulary });
  if (!result.ok) return result.diagnostics.map((one) => ({ ...one, field }));
  if (wanted.includes(result.value.type)) return [];
  const message = `must be ${wanted.join(' or ')}, is ${result.value.type}`;
  const remedy = wanted.includes('BOOL') ? 'write a comparison' : 'write a number';
  return [{ severity: 'error', code: 'wrong-type', message, remedy, field }];
}

/** What does not compile was refused when it was written. */
function compiled<Name extends string>(
  name: Name,
  text: string,
  vocabulary: Vocabulary,
): { readonly [N in Name]?: Expression } {
  const result = text === '' ? undefined : compileExpression(text, { vocabulary });
  return result?.ok === true ? ({ [name]: result.value } as { [N in Name]: Expression }) : {};
}

function chargePool(
  { quota, match, charge, isOpen }: PoolCharge,
  attributes: AttributeSource,
  add: (quota: string, amount: bigint) => void,
): readonly string[] {
  const holds = match?.evaluate(attributes);
  if (holds?.ok === true && holds.value !== true) return [];
  if (holds?.ok === false && holds.isAbsent === true) return [];
  const amount = charge?.evaluate(attributes);
  const parsed = amount?.ok === true ? parseAmount(amount.value) : undefined;
  if (holds?.ok !== false && parsed?.ok === true && parsed.value >= 0n) {
    add(quota, parsed.value);
    return [];
  }
  return isOpen ? [] : [quota];
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
