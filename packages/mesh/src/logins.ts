// Browser logins at gateways: which one holds at a gateway, with the issuer's endpoints and the secrets as they are known now.
import { type BrowserLoginSpec, loginEndpointsOf, type ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { BrowserLogin, KeySource, LoginIssuer, LoginSecret, ObjectKey, TlsSecret } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { KeyRequest } from './authentication.ts';
import type { Conflict } from './conflict.ts';
import { compareText } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import { anchorsOfLabels, type Labels, type SelectorAnchor } from './label-selectors.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';
import { anchorsOfPolicy, isPolicyFor, type PolicySelection, selectionOf } from './policy-selection.ts';
import { authorityName, secretName } from './secrets.ts';

export interface SelectedLogin extends PolicySelection {
  readonly login: BrowserLogin;
  readonly endpoints: KeySource;
  readonly credentialName: string;
}

export interface LoginSources {
  readonly loginsBySelector: Index<SelectorAnchor, ObjectKey, SelectedLogin>;
  readonly loginSecrets: Collection<string, LoginSecret>;
}

interface LoginReads {
  readonly loginsBySelector: AnchorLookup<SelectorAnchor, ObjectKey, SelectedLogin>;
  readonly loginSecrets: Lookup<string, LoginSecret>;
  readonly keySets: Lookup<KeySource, string>;
  readonly secrets: Lookup<string, TlsSecret>;
}

const endpointsOf = ({ issuer }: BrowserLoginSpec): KeySource => `login ${issuer}`;
const timeoutMs = 5_000;

export function deriveLogins(
  graph: Graph,
  inputs: MeshInputs,
): LoginSources & { readonly loginRequests: Collection<KeySource, KeyRequest> } {
  const logins: Collection<ObjectKey, SelectedLogin> = graph.derive({
    name: 'mesh.logins',
    from: inputs.browserLogins,
    equals: deepEqual,
    fn: (object, key) => [[key, selectedOf(object, key)]],
  });
  const byEndpoints = graph.index(logins, 'byEndpoints', ({ endpoints }) => [endpoints]);
  const loginRequests = graph.derive({
    name: 'mesh.loginRequests',
    from: graph.group(byEndpoints),
    reads: { byEndpoints },
    equals: deepEqual,
    fn: (_members, endpoints: KeySource, read): readonly (readonly [KeySource, KeyRequest])[] => [
      [endpoints, { timeoutMs, objects: read.byEndpoints.at(endpoints).map(([object]) => object) }],
    ],
  });
  return {
    loginsBySelector: graph.index(logins, 'bySelector', anchorsOfPolicy),
    loginSecrets: deriveLoginSecrets(graph, inputs, logins),
    loginRequests,
  };
}

function selectedOf({ metadata, spec }: ObjectOf<'BrowserLogin'>, object: ObjectKey): SelectedLogin {
  const { hosts, clientId, scopes, redirectPath, logoutPath, passThroughPaths, forwardToken } = spec;
  const secret = `login://${metadata.namespace}/${metadata.name}`;
  return {
    ...selectionOf(metadata.namespace, spec),
    endpoints: endpointsOf(spec),
    credentialName: spec.credentialName,
    login: {
      hosts,
      clientId,
      scopes,
      redirectPath,
      logoutPath,
      passThroughPaths,
      forwardsToken: forwardToken,
      secrets: { client: `${secret}/client-secret`, cookies: `${secret}/hmac-secret` },
      cause: { object, field: 'spec' },
    },
  };
}

/** Shorter ones can be found out by trying. */
const leastKeyBytes = 32;

/** Both secrets of a login, or none. */
function deriveLoginSecrets(
  graph: Graph,
  { secrets }: MeshInputs,
  logins: Collection<ObjectKey, SelectedLogin>,
): Collection<string, LoginSecret> {
  return graph.derive({
    name: 'mesh.loginSecrets',
    from: logins,
    reads: { secrets },
    equals: deepEqual,
    fn: ({ login, namespace, credentialName }, object, read): readonly (readonly [string, LoginSecret])[] => {
      const key: ObjectKey = `Secret/${namespace}/${credentialName}`;
      const { data = {} } = read.secrets.get(key)?.spec ?? {};
      const client = withoutLineEnd(data['client-secret']);
      const cookies = withoutLineEnd(data['hmac-secret']);
      if (client.length === 0 || cookies.length < leastKeyBytes) return [];
      const causes = [{ object }, { object: key }];
      const { secrets: names } = login;
      return [
        [names.client, { name: names.client, value: client, causes }],
        [names.cookies, { name: names.cookies, value: cookies, causes }],
      ];
    },
  });
}

/** Editors end files with one; no secret does. */
function withoutLineEnd(value: Uint8Array = new Uint8Array()): Uint8Array {
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0x0a || value[end - 1] === 0x0d)) end--;
  return value.subarray(0, end);
}

export interface LoginPlan {
  readonly login?: BrowserLogin;
  readonly conflicts: readonly Conflict[];
}

/** The login of whatever gateway runs in a namespace with these labels: the first by name, when there are several. */
export function loginOf(namespace: string, labels: Labels, read: LoginReads): LoginPlan {
  const [chosen, ...others] = anchorsOfLabels(namespace, labels)
    .flatMap((anchor) => read.loginsBySelector.at(anchor))
    .filter(([, login]) => isPolicyFor(login, { namespace, labels }))
    .sort(([left], [right]) => compareText(left, right));
  if (chosen === undefined) return { conflicts: [] };
  const [object, selected] = chosen;
  const hasSecrets = read.loginSecrets.get(selected.login.secrets.client) !== undefined;
  const conflicts = [
    ...others.map(([other]) => secondLogin(other, object)),
    ...(hasSecrets ? [] : [missingSecret(object, selected)]),
  ];
  const issuer = hasSecrets ? issuerOf(selected, read) : undefined;
  return { login: { ...selected.login, ...(issuer === undefined ? {} : { issuer }) }, conflicts };
}

function issuerOf(
  { endpoints, namespace, credentialName }: SelectedLogin,
  { keySets, secrets }: LoginReads,
): LoginIssuer | undefined {
  const kept = keySets.get(endpoints);
  const known = kept === undefined ? undefined : loginEndpointsOf(kept);
  if (known === undefined) return undefined;
  const roots = authorityName(secretName(namespace, credentialName));
  return { ...known, ...(secrets.get(roots) === undefined ? {} : { roots }) };
}

const secondLogin = (object: ObjectKey, first: ObjectKey): Conflict => ({
  code: 'policy-shadowed',
  object,
  field: 'spec.selector',
  message: `users of this gateway log in as ${first} says; this one is left out there`,
  remedy: 'select other gateways, or delete one of the two',
});

const missingSecret = (object: ObjectKey, { namespace, credentialName }: SelectedLogin): Conflict => ({
  code: 'gateway-secret-missing',
  object,
  field: 'spec.credentialName',
  message: `there is no Secret ${namespace}/${credentialName} with client-secret and an hmac-secret of at least ${leastKeyBytes} bytes; nobody can log in until there is`,
  remedy: `create it: kubectl create secret generic ${credentialName} --from-literal=client-secret=… --from-literal=hmac-secret="$(openssl rand -base64 48)"`,
});
