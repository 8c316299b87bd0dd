// A policy that is evaluated inside the policy service, and what the adapter asks of who runs it. Rule: it runs where it can be ended, and is ended when it takes too long or too much.

/** Where the compiled policy comes from: a module (`policy.wasm`) or a bundle of `opa build -t wasm`. */
export type OpaProgramSource =
  | { readonly kind: 'inline' /** In base64. */; readonly content: string }
  | {
      readonly kind: 'fetched';
      /** `http:`, `https:` or `file:`. */
      readonly url: string;
      readonly refreshIntervalMs: number;
    };

export interface OpaProgramOptions {
  readonly source: OpaProgramSource;
  /** `shop/allow`. */
  readonly entrypoint: string;
  /** Beside the data of the bundle, which it replaces by name. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Milliseconds that one evaluation may take. */
  readonly timeoutMs: number;
  /** Something is wrong, or right again (`undefined`). */
  reportProblem(problem: string | undefined): void;
}

export interface OpaProgram {
  /** Resolves to the decision, `undefined` where it is not defined. Rejects when there is none in time. */
  evaluate(input: unknown, signal: AbortSignal): Promise<unknown>;
  close(): void | Promise<void>;
}

/** Rejects where a policy written inline cannot be used; one that is fetched may come later. */
export type OpenOpaProgram = (options: OpaProgramOptions) => Promise<OpaProgram>;
