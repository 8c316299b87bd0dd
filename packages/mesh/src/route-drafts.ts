// One route of a VirtualService with hosts and places made absolute; what is not written stays open until delegation is done.
import type { DestinationRef, HttpActionSpec, HttpRouteSpec, RetrySpec } from '@xebec/config';
import type {
  Cause,
  HeaderPolicy,
  Host,
  HttpAction,
  HttpMatch,
  HttpRule,
  Mirror,
  ObjectKey,
  Retry,
} from '@xebec/model';
import { defaultRetry } from '@xebec/model';
import { expandHost, type HostContext } from './host-names.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { Lookup } from './lookups.ts';
import { type MatchSource, sourceOf } from './route-sources.ts';
import type { MeshSettings } from './settings.ts';

export interface RouteContext extends HostContext {
  readonly object: ObjectKey;
  readonly settings: MeshSettings;
  readonly hosts: Lookup<Host, HostView>;
}

export interface DraftMatch {
  readonly match: HttpMatch;
  readonly source: MatchSource;
}

/** `delegate`: the action is another VirtualService's. */
type DraftAction = HttpAction | Extract<HttpActionSpec, { readonly kind: 'delegate' }>;

export interface DraftRule {
  readonly name?: string;
  readonly matches: readonly DraftMatch[];
  readonly action: DraftAction;
  readonly rewrite?: NonNullable<HttpRule['rewrite']>;
  readonly timeoutMs?: number;
  readonly retry?: RetrySpec;
  readonly fault?: NonNullable<HttpRouteSpec['fault']>;
  readonly mirrors: readonly Mirror[];
  readonly cors?: NonNullable<HttpRule['cors']>;
  readonly headers: HeaderPolicy;
  readonly cause: Cause;
}

export function draftOf(spec: HttpRouteSpec, position: number, context: RouteContext): DraftRule {
  const { matches, action, mirrors, ...same } = spec;
  const { object, namespace } = context;
  const field = `spec.http[${position}]`;
  return {
    ...same,
    matches: matches.map((match, index): DraftMatch => {
      const {
        gateways: _gateways,
        sourceNamespace: _namespace,
        sourceLabels: _labels,
        ...conditions
      } = match;
      const cause = { object, field: `${field}.match[${index}]` };
      return { match: { ...conditions, cause }, source: sourceOf(match, namespace) };
    }),
    action: actionOf(action, field, context),
    mirrors: mirrors.map(
      (mirror): Mirror => ({
        destination: targetOf(mirror.destination, `${field}.${mirror.field}`, context),
        percent: mirror.percent,
      }),
    ),
    cause: { object, field },
  };
}

function actionOf(action: HttpActionSpec, field: string, context: RouteContext): DraftAction {
  if (action.kind !== 'forward') return action;
  return {
    kind: 'forward',
    destinations: action.destinations.map(({ weight, headers, ...destination }, position) => ({
      ...targetOf(destination, `${field}.route[${position}]`, context),
      weight,
      headers,
    })),
  };
}

/** Resolved as the VirtualService's own namespace sees it; the proxies find the cluster in their own layer. */
export function targetOf(
  destination: DestinationRef,
  field: string,
  context: RouteContext,
): Mirror['destination'] {
  const { object, namespace, hosts } = context;
  const written = expandHost(destination.host, context);
  const service = holderIn(hosts.get(written), `ns:${namespace}`)?.service;
  const host = service?.alias ?? written;
  const ports = service?.ports ?? [];
  const only = ports.length === 1 ? ports[0]?.number : undefined;
  const port = destination.port ?? only ?? 'FROM_REQUEST_PORT';
  return { host, subset: destination.subset, port, cause: { object, field } };
}

/** The rule with every default filled in. */
export function finishRule(
  draft: DraftRule & { readonly action: HttpAction },
  { faultAt, retry: usual }: { readonly faultAt: 'client' | 'destination'; readonly retry: Retry },
): HttpRule {
  const { matches, retry: retrySpec, fault, timeoutMs = 0, ...same } = draft;
  const retry = retryOf(retrySpec, usual);
  return {
    ...same,
    matches: matches.map(({ match }) => match),
    timeoutMs,
    ...(retry === undefined ? {} : { retry }),
    ...(fault === undefined ? {} : { fault: { ...fault, at: faultAt } }),
  };
}

function retryOf(spec: RetrySpec | undefined, usual: Retry): Retry | undefined {
  if (spec === undefined) return usual.attempts === 0 ? undefined : usual;
  if (spec.attempts === 0) return undefined;
  return { ...spec, retryOn: spec.retryOn === '' ? defaultRetry.retryOn : spec.retryOn };
}
