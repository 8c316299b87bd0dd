// What the graph asks of everything that is computed: derived collections, groups and unions.
import type { TransformError } from './types.ts';

/** One arrow into a node, for the diagram. `via` names the index it goes through. */
export interface Arrow {
  readonly from: string;
  readonly role: 'from' | 'read';
  readonly via?: string;
}

export interface ComputedNode {
  readonly name: string;
  readonly rank: number;
  readonly shape: 'transform' | 'group' | 'union';
  /** Keys computed so far. */
  readonly runs: number;
  readonly arrows: readonly Arrow[];
  /** Computes what is pending; everything it reads is up to date. */
  flush(): void;
  errors(): Iterable<TransformError>;
}
