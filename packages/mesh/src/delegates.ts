// Delegation: the routes of a VirtualService without hosts take the place of the route that names it, one level deep.
import type { ObjectOf, StringMatch } from '@xebec/config';
import type { HeaderPolicy, HttpAction, ObjectKey } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import type { Labels } from './label-selectors.ts';
import type { Lookup } from './lookups.ts';
import { type DraftMatch, type DraftRule, draftOf, type RouteContext } from './route-drafts.ts';
import type { MatchSource } from './route-sources.ts';
import { isVisible, layersOf } from './visibility.ts';

export type FinalDraft = DraftRule & { readonly action: HttpAction };

/** What became of a route: itself, or those of its delegate. */
export interface Resolved {
  readonly rules: readonly FinalDraft[];
  readonly delegate?: ObjectKey;
  readonly problems: readonly Conflict[];
}

type VirtualServices = Lookup<ObjectKey, ObjectOf<'VirtualService'>>;

export function resolveDelegate(
  root: DraftRule,
  context: RouteContext,
  virtualServices: VirtualServices,
): Resolved {
  const { action } = root;
  if (action.kind !== 'delegate') return { rules: [{ ...root, action }], problems: [] };
  const delegate: ObjectKey = `VirtualService/${action.namespace}/${action.name}`;
  const target = virtualServices.get(delegate);
  const obstacle = obstacleTo(delegate, target, context);
  if (target === undefined || obstacle !== undefined) {
    return { rules: [], delegate, problems: [{ ...placeOf(root), ...(obstacle ?? missing(delegate)) }] };
  }
  const inner: RouteContext = { ...context, object: delegate, namespace: action.namespace };
  const merged = target.spec.http.map((spec, position) => mergeRule(root, draftOf(spec, position, inner)));
  return {
    rules: merged.flatMap((each) => ('rule' in each ? [each.rule] : [])),
    delegate,
    problems: merged.flatMap((each) => ('problem' in each ? [each.problem] : [])),
  };
}

const placeOf = ({ cause }: DraftRule) => ({
  object: cause.object,
  field: `${cause.field ?? 'spec'}.delegate`,
});

type Obstacle = Pick<Conflict, 'code' | 'message' | 'remedy'>;

const missing = (delegate: ObjectKey): Obstacle => ({
  code: 'delegate-unknown',
  message: `there is no ${delegate}; the route does not take effect`,
  remedy: 'correct the name and namespace, or add it',
});

function obstacleTo(
  delegate: ObjectKey,
  target: ObjectOf<'VirtualService'> | undefined,
  { namespace, settings }: RouteContext,
): Obstacle | undefined {
  if (target === undefined) return missing(delegate);
  if (target.spec.hosts.length > 0) {
    return {
      code: 'delegate-has-hosts',
      message: `${delegate} has hosts of its own, so nothing can be delegated to it; the route does not take effect`,
      remedy: 'remove hosts and gateways there',
    };
  }
  const usual = settings.exportTo?.virtualServices;
  const layers = layersOf(target.spec.exportTo, target.metadata.namespace, usual);
  if (isVisible(layers, `ns:${namespace}`)) return undefined;
  return {
    code: 'delegate-not-exported',
    message: `${delegate} is not exported to namespace ${namespace}; the route does not take effect`,
    remedy: `add ${namespace} to exportTo there`,
  };
}

type Merged = { readonly rule: FinalDraft } | { readonly problem: Conflict };

function mergeRule(root: DraftRule, leaf: DraftRule): Merged {
  const { action } = leaf;
  const matches = mergeMatches(root.matches, leaf.matches);
  if (matches === undefined || action.kind === 'delegate') {
    const what =
      matches === undefined
        ? `its matches are not part of what ${root.cause.object} ${root.cause.field ?? ''} delegates`
        : 'it delegates on, which only one level may';
    return { problem: conflictOf(leaf, `${what}; the route does not take effect there`) };
  }
  const isForward = action.kind === 'forward';
  const name = joinNames(root.name, leaf.name);
  return {
    rule: {
      ...(root.timeoutMs === undefined ? {} : { timeoutMs: root.timeoutMs }),
      ...(root.retry === undefined ? {} : { retry: root.retry }),
      ...(root.fault === undefined ? {} : { fault: root.fault }),
      ...(root.cors === undefined ? {} : { cors: root.cors }),
      ...(root.rewrite === undefined || !isForward ? {} : { rewrite: root.rewrite }),
      ...leaf,
      ...(name === undefined ? {} : { name }),
      action,
      mirrors: leaf.mirrors.length > 0 || !isForward ? leaf.mirrors : root.mirrors,
      headers: hasOperations(leaf.headers) ? leaf.headers : root.headers,
      matches,
    },
  };
}

const conflictOf = ({ cause }: DraftRule, message: string): Conflict => ({
  code: 'delegate-conflict',
  object: cause.object,
  ...(cause.field === undefined ? {} : { field: cause.field }),
  message,
  remedy:
    'match within what is delegated: the same or a longer prefix, the same values of headers and parameters',
});

const joinNames = (root: string | undefined, leaf: string | undefined): string | undefined =>
  root === undefined || leaf === undefined ? (leaf ?? root) : `${root}-${leaf}`;

const hasOperations = ({ request, response }: HeaderPolicy): boolean =>
  [request, response].some(
    ({ set, add, remove }) => remove.length > 0 || Object.keys(set).length > 0 || Object.keys(add).length > 0,
  );

/** Every match of the delegate must fit some match of the root; undefined where one fits none. */
function mergeMatches(
  root: readonly DraftMatch[],
  leaf: readonly DraftMatch[],
): readonly DraftMatch[] | undefined {
  if (root.length === 0) return leaf;
  if (leaf.length === 0) return root;
  const merged = leaf.map((inner) =>
    root.filter((outer) => fits(outer, inner)).map((outer) => join(outer, inner)),
  );
  return merged.some((alternatives) => alternatives.length === 0) ? undefined : merged.flat();
}

const fields = ['uri', 'scheme', 'method', 'authority'] as const;
const maps = ['headers', 'withoutHeaders', 'queryParams'] as const;

function fits(root: DraftMatch, leaf: DraftMatch): boolean {
  const [outer, inner] = [root.match, leaf.match];
  const both = (left: string | number | undefined, right: string | number | undefined) =>
    left === undefined || right === undefined || left === right;
  return (
    fields.every((field) => isWithin(outer[field], inner[field])) &&
    maps.every((map) =>
      Object.entries(inner[map]).every(([name, value]) =>
        isWithin(Object.hasOwn(outer[map], name) ? outer[map][name] : undefined, value),
      ),
    ) &&
    (outer.uri === undefined || inner.uri === undefined || outer.ignoreUriCase === inner.ignoreUriCase) &&
    both(outer.port, inner.port) &&
    both(root.source.namespace, leaf.source.namespace) &&
    areTogether(root.source.labels, leaf.source.labels) &&
    areWithin(root.source.gateways, leaf.source.gateways)
  );
}

const areTogether = (outer: Labels = {}, inner: Labels = {}): boolean =>
  Object.entries(inner).every(([name, value]) => !Object.hasOwn(outer, name) || outer[name] === value);

const areWithin = (outer: readonly string[], inner: readonly string[]): boolean =>
  outer.length === 0 || inner.every((name) => outer.includes(name));

/** What `inner` takes, `outer` takes too. Whether one regular expression is within another nobody can say: conflict. */
function isWithin(outer: StringMatch | undefined, inner: StringMatch | undefined): boolean {
  if (outer === undefined || inner === undefined || outer.kind === 'present') return true;
  if (outer.kind === 'regex' || inner.kind === 'regex' || inner.kind === 'present') return false;
  if (outer.kind === 'exact') return inner.kind === 'exact' && inner.value === outer.value;
  return inner.value.startsWith(outer.value);
}

function join({ match: outer, source: from }: DraftMatch, { match: inner, source }: DraftMatch): DraftMatch {
  const name = joinNames(outer.name, inner.name);
  const { ignoreUriCase } = inner.uri === undefined ? outer : inner;
  return {
    match: {
      ...outer,
      ...inner,
      ...(name === undefined ? {} : { name }),
      ignoreUriCase,
      headers: { ...outer.headers, ...inner.headers },
      withoutHeaders: { ...outer.withoutHeaders, ...inner.withoutHeaders },
      queryParams: { ...outer.queryParams, ...inner.queryParams },
    },
    source: joinSources(from, source),
  };
}

const joinSources = (outer: MatchSource, inner: MatchSource): MatchSource => ({
  ...outer,
  ...inner,
  ...(outer.labels === undefined ? {} : { labels: { ...outer.labels, ...inner.labels } }),
  gateways: inner.gateways.length > 0 ? inner.gateways : outer.gateways,
});
