// One request or connection as the proxy of its destination sees it, before anything is decided about it.

import type { Claims } from './claims.ts';

export interface CheckedCall {
  readonly client: {
    /** The SPIFFE id that mutual TLS has proven; absent: the client is nobody. */
    readonly identity?: string;
    /** It depends on the server's TLS whether there is one. */
    readonly isUnclear?: boolean;
    /** At the other end of the connection. Absent: not known. */
    readonly address?: string;
    /** As trusted proxies tell it; absent: not known. */
    readonly originalAddress?: string;
  };
  readonly destination: { readonly address?: string; readonly port?: number };
  /** Empty: the client names none. Absent: not known. */
  readonly serverName?: string;
  /** Absent: there are no requests to look at, only a connection. */
  readonly http?: CheckedRequest;
}

export interface CheckedRequest {
  readonly method?: string;
  /** As the server gets it: see `normalizePath`. Absent: not known. */
  readonly path?: string;
  readonly host?: string;
  /** Of the end user's token, once it is verified. Absent: there is none. */
  readonly claims?: Claims;
  /** By name in lower case, each with its values as they were sent. What is not here was not sent. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

/** Whether something holds; `unknown`: the call does not say what it would take to tell. */
export type Truth = 'yes' | 'no' | 'unknown';

export const truthOf = (holds: boolean): Truth => (holds ? 'yes' : 'no');

export const not = (one: Truth): Truth => (one === 'yes' ? 'no' : one === 'no' ? 'yes' : 'unknown');

/** Of none: yes. */
export function every(all: Iterable<Truth>): Truth {
  let result: Truth = 'yes';
  for (const one of all) {
    if (one === 'no') return 'no';
    if (one === 'unknown') result = 'unknown';
  }
  return result;
}

/** Of none: no. */
export const some = (all: readonly Truth[]): Truth => not(every(all.map(not)));
