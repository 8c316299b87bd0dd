// What the benchmark and its process of simulated sidecars say to each other; plain data, one answer per question.

/** `ordinary`: everything is subscribed and held. `on-demand`: hosts are asked for when used. */
export type DiscoveryMode = 'ordinary' | 'on-demand';

/** Bytes that a response of this type must contain. */
export interface Mark {
  readonly typeUrl: string;
  /** Latin-1 text; empty: any response. */
  readonly bytes: string;
}

export type Question =
  /** Closes the streams that are there and opens new ones; answered when every sidecar has all it asked for. */
  | {
      readonly kind: 'connect';
      readonly address: string;
      readonly sidecars: number;
      /** Number of the first sidecar; its name and address follow from it. */
      readonly firstIndex: number;
      readonly mode: DiscoveryMode;
      /** On demand: the hosts that each sidecar uses. */
      readonly hosts: readonly (readonly string[])[];
      readonly limitMs: number;
    }
  /** Answered when the marks are set; `await` then tells when all were seen. */
  | { readonly kind: 'expect'; readonly marks: readonly Mark[] }
  | { readonly kind: 'await'; readonly limitMs: number }
  /** On demand: every sidecar asks for names; answered when each has every answer. */
  | { readonly kind: 'ask'; readonly names: readonly string[]; readonly limitMs: number }
  /** Waits until nothing arrived for a while, then answers with what arrived since the last time. */
  | { readonly kind: 'settle'; readonly quietMs: number; readonly limitMs: number };

export interface TypeTraffic {
  responses: number;
  resources: number;
  bytes: number;
  removed: number;
}

export interface Traffic {
  readonly types: Readonly<Record<string, TypeTraffic>>;
  readonly failures: readonly string[];
}

export type Answer =
  | { readonly kind: 'done'; readonly traffic?: Traffic }
  /** When each sidecar was done, on the shared clock; fewer than all when the time was over. */
  | {
      readonly kind: 'times';
      readonly startMs: number;
      readonly atMs: readonly number[];
      readonly missing: number;
    }
  | { readonly kind: 'failed'; readonly message: string };
