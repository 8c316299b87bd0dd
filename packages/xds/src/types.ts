// The public types of xds: what it serves and what it tells about its streams. It knows no mesh.
import type { Collection } from '@xebec/flow';

export type TypeUrl = string;

export interface ResourceReference {
  readonly typeUrl: TypeUrl;
  readonly name: string;
}

/** One encoded resource; the bytes are made once and shared by every stream. */
export interface EncodedResource {
  readonly name: string;
  /** Content hash; the version clients see. */
  readonly hash: string;
  /** The resource message itself (the `value` of its Any), in pieces that are sent one after the other. */
  readonly chunks: readonly Uint8Array[];
  /** Other names under which a client may ask for it (VHDS). */
  readonly aliases: readonly string[];
  /** Resources a client needs before this one can work: routes need clusters, clusters need endpoints. */
  readonly needs: readonly ResourceReference[];
  /** What caused it, for people: `VirtualService/default/reviews#spec.http[0]`. */
  readonly causes: readonly string[];
  /** There is to be no such resource: it hides those of less specific layers. */
  readonly isAbsent?: true;
  /** Whose it is, for uses of layers that show some owners' resources only; absent: shown to everybody. */
  readonly owners?: readonly string[];
}

/** `LAYER|NAME`. The same name may exist in several layers; a stream sees the first of its layers that has it. */
export type ResourceKey = `${string}|${string}`;

/** Some of a type's resources; several collections of one type are served as one, and never hold the same key. */
export interface ResourceType {
  readonly typeUrl: TypeUrl;
  readonly resources: Collection<ResourceKey, EncodedResource>;
}

/** One layer of a stream's view. `all`: every resource in it is pushed to wildcard subscribers; `needed`: only those that others held by the stream need, or that it asked for. */
export interface LayerUse {
  readonly layer: string;
  readonly members: 'all' | 'needed';
  /** Absent: every resource of the layer is seen. */
  readonly shows?: OwnerFilter;
}

/** Tells whose resources are seen. Equal keys mean equal filters. */
export interface OwnerFilter {
  readonly key: string;
  includes(owner: string): boolean;
}

/** What one client gets. Computed once per stream from its node, and again when the app says it changed. */
export interface StreamView {
  /** Most specific first; a type that is not listed has no resources for this client. */
  readonly layers: Readonly<Record<TypeUrl, readonly LayerUse[]>>;
  /** Virtual hosts travel one by one and arrive at the first request. */
  readonly onDemand: boolean;
  /** Names the client is known to use: pushed ahead. */
  readonly heldNames: Readonly<Record<TypeUrl, readonly string[]>>;
  /**
   * What stands in for an asked virtual host that does not exist, until it does; its aliases include the asked name.
   * Absent: the client is told that there is nothing. One function is one behaviour.
   */
  readonly standIn?: (asked: string) => EncodedResource;
}

/** The verified peer of a connection. */
export interface Peer {
  readonly address: string;
  /** URI SANs of the verified client certificate, or the identity of a token; empty on a plaintext connection. */
  readonly identities: readonly string[];
  /** Serial number of the verified client certificate: hexadecimal, upper case. */
  readonly serial?: string;
  /** When the verified client certificate ends; milliseconds since the epoch. */
  readonly expiresAtMs?: number;
  readonly isPlaintext: boolean;
}

/** The first request's node, decoded. */
export interface ClientNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality?: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly userAgent: string;
}

/** Decides who may open a stream and what it gets. */
export interface Admission {
  /** Refusal becomes PERMISSION_DENIED or UNAUTHENTICATED with `message`. */
  admit(
    node: ClientNode,
    peer: Peer,
  ):
    | { readonly kind: 'admitted'; readonly client: string }
    | {
        readonly kind: 'refused';
        readonly code: 'permission-denied' | 'unauthenticated';
        readonly message: string;
      };
  view(client: string): StreamView;
  /** Candidate resource names for a name a client asked for on demand, best first: `80/a.example` → `80/a.example`, `80/*.example`. */
  candidates(typeUrl: TypeUrl, asked: string): readonly string[];
}

/** A resource that a client refused, with what caused it. */
export interface RejectedResource {
  readonly name: string;
  /** Of the content that was refused. */
  readonly hash: string;
  readonly causes: readonly string[];
}

/** What happened on a stream; the app turns it into status, demand and history. */
export type StreamEvent =
  /** Somebody was not let in, or did what nobody may; `node` is what they said they were, as far as they said it. */
  | {
      readonly kind: 'refused';
      readonly peer: Peer;
      readonly node: string | undefined;
      readonly reason: string;
    }
  | {
      readonly kind: 'connected';
      readonly client: string;
      readonly stream: number;
      readonly node: ClientNode;
      readonly peer: Peer;
    }
  | {
      readonly kind: 'disconnected';
      readonly client: string;
      readonly stream: number;
      readonly reason: string;
    }
  | { readonly kind: 'acked'; readonly client: string; readonly typeUrl: TypeUrl; readonly epoch: number }
  | {
      readonly kind: 'rejected';
      readonly client: string;
      readonly typeUrl: TypeUrl;
      readonly message: string;
      /** Resources of the refused response, with their causes. */
      readonly resources: readonly RejectedResource[];
    }
  | {
      readonly kind: 'asked';
      readonly client: string;
      readonly typeUrl: TypeUrl;
      readonly name: string;
      readonly found: string | undefined;
    }
  /** A request that was accepted and has no effect, such as one for an unknown type. */
  | { readonly kind: 'ignored'; readonly client: string; readonly typeUrl: TypeUrl; readonly reason: string };

export interface TypeStatus {
  readonly subscription: 'wildcard' | 'named' | 'none';
  /** Resources the client holds as far as it has acknowledged. */
  readonly held: number;
  /** Resources this client could be given (`holds 7 of 10,000`). */
  readonly available: number;
  /** Last epoch whose changes for this type have all been acknowledged. */
  readonly ackedEpoch: number;
  readonly sentEpoch: number;
  readonly isInFlight: boolean;
  readonly rejection?: {
    readonly message: string;
    readonly resources: readonly RejectedResource[];
    readonly atMs: number;
  };
}

export interface StreamStatus {
  readonly client: string;
  readonly stream: number;
  readonly protocol: 'delta' | 'state-of-the-world';
  readonly peer: Peer;
  readonly connectedAtMs: number;
  readonly types: Readonly<Record<TypeUrl, TypeStatus>>;
  readonly sentResponses: number;
  readonly sentResources: number;
  readonly sentBytes: number;
}

/** What a caller without a certificate presents instead. */
export interface PresentedToken {
  readonly address: string;
  readonly bearerToken: string;
}
