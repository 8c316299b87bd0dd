// What the two ends of a signing thread say to each other. One answer for each job; the issuer that was told last signs.
import type { KeyObject } from 'node:crypto';
import type { Diagnostic } from '@xebec/std';
import type { LeafIssuer } from './leaf.ts';
import type { LeafJob } from './request-signer.ts';

export type ThreadJob =
  | { readonly kind: 'check'; readonly id: number; readonly csrPem: string }
  | ({ readonly kind: 'sign'; readonly id: number } & LeafJob);

export type ToThread = ThreadJob | { readonly kind: 'issuer'; readonly issuer: LeafIssuer };

export type FromThread = { readonly id: number } & (
  | { readonly kind: 'checked'; readonly key: KeyObject; readonly spki: Uint8Array }
  | { readonly kind: 'signed'; readonly der: Uint8Array }
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[] }
  /** A bug. */
  | { readonly kind: 'failed'; readonly message: string }
);
