// What the thread that evaluates a policy is told, and what it answers.

/** The first message; answered by `ready` or `refused`. */
export interface LoadMessage {
  readonly kind: 'load';
  /** A module or a bundle. */
  readonly content: Uint8Array;
  readonly entrypoint: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EvaluateMessage {
  readonly kind: 'evaluate';
  readonly id: number;
  readonly input: unknown;
}

export type ToOpaThread = LoadMessage | EvaluateMessage;

export type FromOpaThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly problem: string }
  /** `decision` undefined: not defined. */
  | { readonly kind: 'decided'; readonly id: number; readonly decision: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly problem: string };
