// Who may be the client of an id. The rule: namespace and service account are proven, an id has one owner, and what nobody vouches for gets no secrets.
import { parseSpiffeId } from '@xebec/ca';
import type { ProxyNode } from '@xebec/model';
import type { Admission, Peer } from '@xebec/xds';
import { type KnownPod, namespaceOfId, type Standing, standingOf } from './standing.ts';

type Refusal = Extract<ReturnType<Admission['admit']>, { kind: 'refused' }>;

/** A proxy that is let in, as it is known from now on. */
export interface Claimant {
  /** `evicting`: the streams that have its id are another's and must end. */
  readonly kind: 'granted' | 'evicting';
  readonly proxy: ProxyNode;
}

type Review = Claimant | (Refusal & { readonly client: string });

export interface Claims {
  judge(proxy: ProxyNode, peer: Peer): Claimant | Refusal;
  /** Judges again those that say they are this Pod; returns only those of which something else is to be said. */
  review(namespace: string, name: string): readonly Review[];
  forget(client: string): void;
}

export interface ClaimOptions {
  readonly trustDomain: string;
  readonly pod: (namespace: string, name: string) => KnownPod | undefined;
  readonly isConnected: (client: string) => boolean;
}

interface Claim {
  /** Undefined: plaintext, which is loopback only and believed. */
  readonly identity: string | undefined;
  /** As it says itself. */
  readonly said: ProxyNode;
  readonly standing: Standing;
}

export function createClaims(options: ClaimOptions): Claims {
  const claims = new Map<string, Claim>();
  /** Clients by the Pod that they say they are. */
  const clients = new Map<string, Set<string>>();
  const podKey = ({ namespace, name }: Pick<ProxyNode, 'namespace' | 'name'>) => `${namespace}/${name}`;
  const standing = (proxy: ProxyNode): Standing =>
    standingOf(proxy, options.pod(proxy.namespace, proxy.name));
  const forget = (client: string): void => {
    const claim = claims.get(client);
    if (claim === undefined) return;
    claims.delete(client);
    const key = podKey(claim.said);
    clients.get(key)?.delete(client);
    if (clients.get(key)?.size === 0) clients.delete(key);
  };
  const hold = (claim: Claim): void => {
    const { said } = claim;
    forget(said.id);
    claims.set(said.id, claim);
    clients.set(podKey(said), (clients.get(podKey(said)) ?? new Set()).add(said.id));
  };
  return {
    judge(proxy, peer) {
      const proven = provenIdentity(proxy, peer, options.trustDomain);
      if (typeof proven === 'object') return proven;
      const claim: Claim = {
        identity: proven,
        said: proxy,
        standing: proven === undefined ? 'vouched' : standing(proxy),
      };
      if (claim.standing === 'stranger') return strangerRefusal(proxy);
      const held = claims.get(proxy.id);
      const isOthers = held !== undefined && held.identity !== proven && options.isConnected(proxy.id);
      if (isOthers && (proven === undefined || claim.standing !== 'vouched' || held.standing === 'vouched')) {
        return refused(`the node id "${proxy.id}" is in use by another identity`);
      }
      hold(claim);
      return { kind: isOthers ? 'evicting' : 'granted', proxy: knownAs(claim) };
    },
    review(namespace, name) {
      return [...(clients.get(podKey({ namespace, name })) ?? [])].flatMap((client): readonly Review[] => {
        const held = claims.get(client);
        if (held?.identity === undefined) return [];
        const next = { ...held, standing: standing(held.said) };
        if (next.standing === held.standing) return [];
        if (next.standing === 'stranger') return [{ ...strangerRefusal(held.said), client }];
        hold(next);
        return [{ kind: 'granted' as const, proxy: knownAs(next) }];
      });
    },
    forget,
  };
}

const knownAs = ({ said, standing }: Claim): ProxyNode =>
  standing === 'vouched' ? said : { ...said, isUnproven: true };

const refused = (message: string): Refusal => ({ kind: 'refused', code: 'permission-denied', message });

const strangerRefusal = ({ name, namespace, serviceAccount }: ProxyNode): Refusal =>
  refused(`the Pod "${name}" of "${namespace}" does not run as the service account "${serviceAccount}"`);

/** The one identity of a peer that is what its node says; undefined on plaintext. */
function provenIdentity(proxy: ProxyNode, peer: Peer, trustDomain: string): string | undefined | Refusal {
  if (peer.isPlaintext) return undefined;
  const [uri, ...others] = peer.identities;
  if (uri === undefined) {
    const message = 'a client certificate of the mesh is required';
    return { kind: 'refused', code: 'unauthenticated', message };
  }
  const { namespace, serviceAccount } = proxy;
  const identity = parseSpiffeId(uri);
  const isSame =
    others.length === 0 &&
    identity.ok &&
    identity.value.trustDomain === trustDomain &&
    identity.value.namespace === namespace &&
    identity.value.serviceAccount === serviceAccount;
  if (!isSame) {
    return refused(
      `the certificate's identity does not match the node's namespace "${namespace}" and service account "${serviceAccount}"`,
    );
  }
  const inId = namespaceOfId(proxy.id);
  if (inId === undefined || inId === namespace) return uri;
  return refused(`the node id "${proxy.id}" is not one of the namespace "${namespace}"`);
}
