// Request authentications as rules with keys, which of them hold at a workload, and which keys have to be fetched for them.
import { type JwtRule, keySetText, type ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Authentication, KeySource, ObjectKey, TokenRule } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { MeshInputs } from './inputs.ts';
import type { Labels, SelectorAnchor } from './label-selectors.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';
import { anchorsOfPolicy, type PolicySelection, policiesFor, selectionOf } from './policy-selection.ts';
import { type SettingsLookup, settingsOf } from './settings.ts';

export interface SelectedAuthentication extends PolicySelection {
  readonly rules: readonly RuleDraft[];
}

/** A rule before its keys are looked up. */
interface RuleDraft {
  readonly rule: TokenRule;
  readonly keys?: KeySource;
}

export interface AuthenticationSources {
  readonly authenticationsBySelector: Index<SelectorAnchor, ObjectKey, SelectedAuthentication>;
  readonly keySets: MeshInputs['keySets'];
}

export interface AuthenticationReads {
  readonly authenticationsBySelector: AnchorLookup<SelectorAnchor, ObjectKey, SelectedAuthentication>;
  readonly keySets: Lookup<KeySource, string>;
  readonly settings: SettingsLookup;
}

/** How keys are to be fetched. */
export interface KeyRequest {
  /** The longest that any rule would wait. */
  readonly timeoutMs: number;
  /** The objects that need them. */
  readonly objects: readonly ObjectKey[];
}

export function deriveAuthentication(
  graph: Graph,
  { requestAuthentications, keySets }: MeshInputs,
): AuthenticationSources & { readonly keyRequests: Collection<KeySource, KeyRequest> } {
  const authentications: Collection<ObjectKey, SelectedAuthentication> = graph.derive({
    name: 'mesh.requestAuthentications',
    from: requestAuthentications,
    equals: deepEqual,
    fn: (object, key) => [[key, selectedOf(object, key)]],
  });
  const authenticationsBySelector = graph.index(authentications, 'bySelector', anchorsOfPolicy);
  return { authenticationsBySelector, keySets, keyRequests: requestsOf(graph, requestAuthentications) };
}

function requestsOf(
  graph: Graph,
  objects: MeshInputs['requestAuthentications'],
): Collection<KeySource, KeyRequest> {
  const byKeys = graph.index(objects, 'byKeys', ({ spec }): readonly KeySource[] =>
    spec.jwtRules.flatMap((rule) => keySourceOf(rule) ?? []),
  );
  return graph.derive({
    name: 'mesh.keyRequests',
    from: graph.group(byKeys),
    reads: { byKeys },
    equals: deepEqual,
    fn: (_members, keys: KeySource, read): readonly (readonly [KeySource, KeyRequest])[] => {
      const members = read.byKeys.at(keys);
      const rules = members.flatMap(([, { spec }]) =>
        spec.jwtRules.filter((rule) => keySourceOf(rule) === keys),
      );
      const timeoutMs = Math.max(...rules.map((rule) => rule.timeoutMs));
      return [[keys, { timeoutMs, objects: members.map(([object]) => object) }]];
    },
  });
}

/** The rules that hold for whatever runs in a namespace with these labels. */
export function authenticationOf(
  namespace: string,
  labels: Labels,
  read: AuthenticationReads,
): Authentication {
  const { rootNamespace } = settingsOf(read.settings);
  return policiesFor(read.authenticationsBySelector, { namespace, labels }, rootNamespace).flatMap(
    ({ rules }) => rules.map((draft) => withKeys(draft, read)),
  );
}

function withKeys({ rule, keys }: RuleDraft, { keySets }: Pick<AuthenticationReads, 'keySets'>): TokenRule {
  const keySet = keys === undefined ? undefined : keySets.get(keys);
  return keySet === undefined ? rule : { ...rule, keySet };
}

const selectedOf = (
  { metadata, spec }: ObjectOf<'RequestAuthentication'>,
  object: ObjectKey,
): SelectedAuthentication => ({
  ...selectionOf(metadata.namespace, spec),
  rules: spec.jwtRules.map((written, index) => {
    const keys = keySourceOf(written);
    const rule = ruleOf(written, { object, field: `spec.jwtRules[${index}]` });
    return { rule, ...(keys === undefined ? {} : { keys }) };
  }),
});

function ruleOf(written: JwtRule, cause: TokenRule['cause']): TokenRule {
  const { issuer, audiences, keys, fromHeaders, fromParams, fromCookies, outputPayloadToHeader } = written;
  return {
    issuer,
    audiences,
    ...(keys.kind === 'inline' ? { keySet: keySetText(keys.keys) } : {}),
    fromHeaders,
    fromParams,
    fromCookies,
    ...(outputPayloadToHeader === undefined ? {} : { payloadHeader: outputPayloadToHeader }),
    claimHeaders: written.outputClaimToHeaders,
    forwardsToken: written.forwardOriginalToken,
    spaceDelimitedClaims: written.spaceDelimitedClaims,
    cause,
  };
}

/** Undefined: the rule has its keys with it. */
export function keySourceOf({ issuer, keys }: JwtRule): KeySource | undefined {
  switch (keys.kind) {
    case 'inline':
      return undefined;
    case 'uri':
      return `uri ${keys.uri}`;
    case 'discovery':
      return `issuer ${issuer}`;
  }
}
