// What is asked of the store of Wasm modules, and what comes of it.

export interface ModuleRequest {
  /** `file://`, `http://`, `https://` or `oci://`. */
  readonly url: string;
  /** 64 hexadecimal digits; undefined: whatever is there. */
  readonly sha256: string | undefined;
  /** `Always`: what was fetched for another version of the object does not count. */
  readonly pullPolicy: 'IfNotPresent' | 'Always';
  readonly objectVersion: string;
  /** Docker's configuration file with credentials. */
  readonly pullSecret: string | undefined;
}

/** Why there is no module. */
export interface ModuleFailure {
  readonly kind: 'failed';
  readonly reason: string;
  /** It would be the same again, unless somebody changes what is there. */
  readonly isFinal: boolean;
}

export interface FoundModule {
  readonly kind: 'found';
  /** SHA-256 of the module, in hexadecimal digits. */
  readonly digest: string;
  readonly file: string;
}

/** `retryAtMs`: an attempt before then gives the same failure. */
export type ModuleOutcome = FoundModule | (ModuleFailure & { readonly retryAtMs: number });

/** A module as it was fetched, with every sum by which somebody may know it. */
export interface FetchedModule {
  readonly kind: 'fetched';
  readonly bytes: Uint8Array;
  readonly sums: readonly string[];
}

export type Fetched = FetchedModule | ModuleFailure;

export const gone = (reason: string): ModuleFailure => ({ kind: 'failed', reason, isFinal: true });
export const unreachable = (reason: string): ModuleFailure => ({ kind: 'failed', reason, isFinal: false });
