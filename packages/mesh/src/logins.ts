// Browser logins at gateways: which ones hold at a gateway, for which hosts, with the issuer's endpoints and the secrets as they are known now.
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
  /** What its key of cookies is made for. */
  readonly session: string;
  readonly sessionKeyVersion: number;
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
    session: `${metadata.namespace}/${metadata.name}/${spec.sessionKeyVersion}`,
    sessionKeyVersion: spec.sessionKeyVersion,
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

/** Both secrets of a login, or none. The key of cookies is the one in the Secret, or one that the mesh makes. */
function deriveLoginSecrets(
  graph: Graph,
  { secrets, sessionKey }: MeshInputs,
  logins: Collection<ObjectKey, SelectedLogin>,
): Collection<string, LoginSecret> {
  return graph.derive({
    name: 'mesh.loginSecrets',
    from: logins,
    reads: { secrets },
    equals: deepEqual,
    fn: (selected, object, read): readonly (readonly [string, LoginSecret])[] => {
      const { login, namespace, credentialName } = selected;
      const key: ObjectKey = `Secret/${namespace}/${credentialName}`;
      const { data = {} } = read.secrets.get(key)?.spec ?? {};
      const client = withoutLineEnd(data['client-secret']);
      const cookies = keyOfCookies(data['hmac-secret'], selected, sessionKey);
      if (client.length === 0 || cookies === undefined) return [];
      const causes = [{ object }, { object: key }];
      const { secrets: names } = login;
      return [
        [names.client, { name: names.client, value: client, causes }],
        [names.cookies, { name: names.cookies, value: cookies, causes }],
      ];
    },
  });
}

/** What is written and too short is not made up for: somebody believes that it counts. */
function keyOfCookies(
  written: Uint8Array | undefined,
  { session, sessionKeyVersion }: SelectedLogin,
  sessionKey: MeshInputs['sessionKey'],
): Uint8Array | undefined {
  if (written === undefined) return sessionKey?.(session);
  const key = withoutLineEnd(written);
  if (key.length < leastKeyBytes) return undefined;
  return sessionKeyVersion === 0 ? key : sessionKey?.(session, key);
}

/** Editors end files with one; no secret does. */
function withoutLineEnd(value: Uint8Array = new Uint8Array()): Uint8Array {
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0x0a || value[end - 1] === 0x0d)) end--;
  return value.subarray(0, end);
}

export interface LoginPlan {
  readonly logins: readonly BrowserLogin[];
  readonly conflicts: readonly Conflict[];
}

/** The logins of whatever gateway runs in a namespace with these labels, by name; a host is of the first that has it. */
export function loginsOf(namespace: string, labels: Labels, read: LoginReads): LoginPlan {
  const selecting = anchorsOfLabels(namespace, labels)
    .flatMap((anchor) => read.loginsBySelector.at(anchor))
    .filter(([, login]) => isPolicyFor(login, { namespace, labels }))
    .sort(([left], [right]) => compareText(left, right));
  const holders = new Map<string, ObjectKey>();
  const logins: BrowserLogin[] = [];
  const conflicts: Conflict[] = [];
  for (const [object, selected] of selecting) {
    const { hosts } = selected.login;
    const taken = hosts.filter((host) => holders.has(host));
    if (taken.length > 0) conflicts.push(sharedHosts(object, taken, holders));
    const own = hosts.filter((host) => !holders.has(host));
    for (const host of own) holders.set(host, object);
    if (own.length === 0) continue;
    const hasSecrets = read.loginSecrets.get(selected.login.secrets.client) !== undefined;
    if (!hasSecrets) conflicts.push(missingSecret(object, selected));
    const issuer = hasSecrets ? issuerOf(selected, read) : undefined;
    logins.push({ ...selected.login, hosts: own, ...(issuer === undefined ? {} : { issuer }) });
  }
  return { logins, conflicts };
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

const sharedHosts = (
  object: ObjectKey,
  hosts: readonly string[],
  holders: ReadonlyMap<string, ObjectKey>,
): Conflict => ({
  code: 'policy-shadowed',
  object,
  field: 'spec.hosts',
  message: `users of ${hosts.join(', ')} log in as ${[...new Set(hosts.map((host) => holders.get(host)))].join(', ')} says; this one is left out for them at a gateway`,
  remedy: 'write each host once, select other gateways, or delete one of the two',
});

const missingSecret = (object: ObjectKey, { namespace, credentialName }: SelectedLogin): Conflict => ({
  code: 'gateway-secret-missing',
  object,
  field: 'spec.credentialName',
  message: `there is no Secret ${namespace}/${credentialName} with client-secret, and with an hmac-secret of at least ${leastKeyBytes} bytes or none; nobody can log in until there is`,
  remedy: `create it: kubectl create secret generic ${credentialName} --from-literal=client-secret=…`,
});
