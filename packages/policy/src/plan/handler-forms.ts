// Handlers whose answers a proxy can give by itself, as conditions. Rule: a parameter that is not understood here leaves the decision to the policy service.
import type { HandlerSpec, InstanceSpec } from '@xebec/config';
import type { Status } from '../adapters/sdk.ts';
import { readSyntax } from '../expressions/istio/read-syntax.ts';
import { type Alternatives, always, holds, isPresent, negated, never } from './conditions.ts';
import { type Knowledge, type Term, termOf } from './express.ts';
import type { PlannedObject } from './plan-rule.ts';

export interface HandlerForm {
  /** What it refuses. */
  readonly refused: Alternatives;
  readonly isAboutRequests: boolean;
  readonly status: Status;
  /** The message has fields of the proxy in it: `%REQ(X-USER)%`. */
  readonly isFormatted?: boolean;
}

type Params = Readonly<Record<string, unknown>>;

/** The form, or in words why there is none. */
export function formOf(
  { spec }: PlannedObject<HandlerSpec>,
  instance: PlannedObject<InstanceSpec>,
  knowledge: Knowledge,
): HandlerForm | string {
  if (spec.compiledAdapter === 'denier') return denier(paramsOf(spec));
  if (spec.compiledAdapter === 'noop') return nothing;
  const isList = spec.compiledAdapter === 'listchecker' || spec.compiledAdapter === 'list';
  if (!isList) return `the adapter ${spec.compiledAdapter ?? spec.adapter ?? ''} has to be called`;
  return list(paramsOf(spec), instance, knowledge);
}

const paramsOf = ({ params }: HandlerSpec): Params =>
  typeof params === 'object' && params !== null ? (params as Params) : {};

const nothing: HandlerForm = { refused: never, isAboutRequests: false, status: { code: 0, message: '' } };

const failedPrecondition = 9;

function denier(params: Params): HandlerForm | string {
  const status: Params =
    typeof params['status'] === 'object' && params['status'] !== null ? (params['status'] as Params) : {};
  const { code, message, details = [] } = status;
  if (!Array.isArray(details) || details.length > 0) return 'it answers in the place of the service';
  return {
    refused: always,
    isAboutRequests: false,
    status: {
      code: typeof code === 'number' ? code : failedPrecondition,
      message: typeof message === 'string' ? message : '',
    },
  };
}

const permissionDenied = 7;
const understood: ReadonlySet<string> = new Set([
  'overrides',
  'blacklist',
  'entryType',
  'cachingInterval',
  'cachingUseCount',
]);

function list(
  params: Params,
  instance: PlannedObject<InstanceSpec>,
  knowledge: Knowledge,
): HandlerForm | string {
  const { overrides = [], blacklist = false, entryType = 'STRINGS' } = params;
  if (Object.keys(params).some((name) => !understood.has(name))) return 'its list comes from a provider';
  if (entryType !== 'STRINGS' && entryType !== 'IP_ADDRESSES')
    return 'its entries are not compared as they are';
  if (!isTexts(overrides) || typeof blacklist !== 'boolean') return 'its list cannot be read';
  const entries = overrides;
  if (entries.length > mostEntries) return 'its list is too long for a proxy';
  const value = termOfInstance(instance, knowledge);
  if (value === undefined) return 'its value is not known to the proxy';
  const refused = refusedBy(value, { entries, isBlack: blacklist, entryType });
  if (typeof refused === 'string') return refused;
  const shown = value.kind === 'attribute' ? value.of.format : '-';
  const words = blacklist ? 'is blacklisted' : 'is not whitelisted';
  return {
    refused,
    isAboutRequests: value.kind === 'attribute' && value.of.isOfRequests,
    status: { code: permissionDenied, message: `${shown} ${words}` },
    isFormatted: true,
  };
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

const mostEntries = 1_000;

/** What a `listentry` is about. */
function termOfInstance(
  instance: PlannedObject<InstanceSpec>,
  knowledge: Knowledge,
): Exclude<Term, { kind: 'other' }> | undefined {
  const { params, language } = instance.spec;
  if (language === 'cel') return undefined;
  const text = typeof params === 'object' && params !== null ? (params as Params)['value'] : undefined;
  const read = typeof text === 'string' ? readSyntax(text) : undefined;
  if (read?.ok !== true) return undefined;
  const term = termOf(read.syntax, knowledge);
  return term.kind === 'other' ? undefined : term;
}

const textsOf = (term: Extract<Term, { kind: 'text' | 'no-key' | 'one-of' }>): readonly string[] =>
  term.kind === 'one-of' ? term.values : [term.kind === 'text' ? term.text : ''];

interface ListForm {
  readonly entries: readonly string[];
  readonly isBlack: boolean;
  readonly entryType: 'STRINGS' | 'IP_ADDRESSES';
}

function refusedBy(
  value: Exclude<Term, { kind: 'other' }>,
  { entries, isBlack, entryType }: ListForm,
): Alternatives | string {
  const isAddress = value.kind === 'attribute' && value.of.isAddress === true;
  if (isAddress !== (entryType === 'IP_ADDRESSES')) return 'its entries are not compared as they are';
  if (value.kind === 'absent') return 'its value is missing: the rule fails as it says';
  const isListed = (text: string): boolean => entries.includes(text);
  if (value.kind !== 'attribute') {
    const found = new Set(textsOf(value).map(isListed));
    if (found.size !== 1) return 'its value is not known to the proxy';
    return found.has(isBlack) ? always : never;
  }
  const { of } = value;
  if (of.isNumber === true) return 'its value is no text';
  const otherwise = value.otherwise ?? (of.isMapKey === true ? '' : undefined);
  if (!of.isAlwaysThere && otherwise === undefined)
    return 'its value may be missing: the rule then fails as it says';
  if (entries.length === 0) return isBlack ? never : always;
  const listed = holds(of.attribute, ...entries.map((entry) => ({ kind: 'exact' as const, value: entry })));
  const isThere = isPresent(of.attribute);
  const isAbsentListed = otherwise !== undefined && !of.isAlwaysThere && isListed(otherwise);
  if (isBlack) return isAbsentListed ? [[listed], [negated(isThere)]] : [[listed]];
  return isAbsentListed ? [[isThere, negated(listed)]] : [[negated(listed)]];
}
