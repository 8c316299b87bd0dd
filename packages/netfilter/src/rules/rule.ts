// One rule of a chain: what it looks at and what it does, in no back-end's language.

/** A condition that may be turned round. */
export type Test<T> = { readonly is: T } | { readonly isNot: T };

/** All that is given must hold. */
export interface Match {
  readonly protocol?: 'tcp' | 'udp';
  readonly inInterface?: string;
  readonly outInterface?: string;
  readonly source?: string;
  readonly destination?: Test<string>;
  /** Only together with `protocol`. */
  readonly destinationPort?: number;
  readonly uid?: Test<number>;
  readonly gid?: Test<number>;
  /** Of the packet. */
  readonly mark?: number;
  /** Of the connection that it belongs to. */
  readonly connectionMark?: number;
  /** It begins a connection. */
  readonly isNew?: true;
  /** It belongs to a socket that takes others' addresses. */
  readonly isTransparent?: true;
}

export type Verdict =
  | { readonly kind: 'return' }
  | { readonly kind: 'jump'; readonly chain: string }
  | { readonly kind: 'redirect'; readonly port: number }
  | { readonly kind: 'dnat'; readonly address: string; readonly port: number }
  /** To the number in 61440–65535 that has the same last twelve bits; without an address to the one that is meant. */
  | { readonly kind: 'raise'; readonly address?: string }
  /** To the transparent socket that listens at the port, marked; where nobody listens it is dropped. */
  | { readonly kind: 'tproxy'; readonly port: number; readonly mark: number }
  | { readonly kind: 'mark'; readonly mark: number }
  /** The packet's mark becomes the connection's, or the other way round. */
  | { readonly kind: 'save-mark' | 'restore-mark' };

export interface Rule {
  readonly match: Match;
  readonly verdict: Verdict;
}

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export const giveBack: Verdict = { kind: 'return' };
export const toChain = (chain: string): Verdict => ({ kind: 'jump', chain });
export const rule = (match: Match, verdict: Verdict): Rule => ({ match, verdict });
