// The steps from one issuer to another as data: what is trusted and who signs at each, and what has to be true before the next. A root is never taken away before every proxy works without it.

/**
 * Forward: `trust` (both roots), `reissue` (the new one signs), `verify` (nothing changes: everything is looked at once more),
 * `retire` (only the new root). Back: `withdraw` (the old one signs again), `discard` (only the old root).
 */
export type RotationStage = 'trust' | 'reissue' | 'verify' | 'retire' | 'withdraw' | 'discard';

/** What a rotation replaces: root and intermediate, or the intermediate only. */
export type RotationKind = 'root' | 'intermediate';

/** How far a rotation goes by itself. */
export type RotationGoal = 'trust' | 'reissue' | 'verify' | 'retire';

export interface Rotation {
  readonly id: string;
  readonly kind: RotationKind;
  readonly stage: RotationStage;
  readonly goal: RotationGoal;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly stageSinceMs: number;
  readonly oldRootsPem: readonly string[];
  readonly newRootsPem: readonly string[];
  /** Key identifiers of the issuers, as their leaves name them. */
  readonly oldIssuer: string;
  readonly newIssuer: string;
}

interface StageFacts {
  readonly roots: 'both' | 'old' | 'new';
  readonly issuer: 'old' | 'new';
  /** Where it goes once it is proven; `over` ends the rotation. */
  readonly next: RotationStage | 'over';
}

const STAGES: Readonly<Record<RotationStage, StageFacts>> = {
  trust: { roots: 'both', issuer: 'old', next: 'reissue' },
  reissue: { roots: 'both', issuer: 'new', next: 'verify' },
  verify: { roots: 'both', issuer: 'new', next: 'retire' },
  retire: { roots: 'new', issuer: 'new', next: 'over' },
  withdraw: { roots: 'both', issuer: 'old', next: 'discard' },
  discard: { roots: 'old', issuer: 'old', next: 'over' },
};

export const rootsAt = ({ stage, oldRootsPem, newRootsPem }: Rotation): readonly string[] => {
  const { roots } = STAGES[stage];
  if (roots === 'both') return [...new Set([...oldRootsPem, ...newRootsPem])];
  return roots === 'old' ? oldRootsPem : newRootsPem;
};

export const signsWith = ({ stage }: Pick<Rotation, 'stage'>): 'old' | 'new' => STAGES[stage].issuer;

const GOALS: readonly RotationStage[] = ['trust', 'reissue', 'verify', 'retire'];

/** What comes after this stage, if the goal lies beyond it. */
export function nextStage({ stage, goal }: Rotation): RotationStage | 'over' | undefined {
  const { next } = STAGES[stage];
  const [here, last] = [GOALS.indexOf(stage), GOALS.indexOf(goal)];
  return stage !== 'retire' && here >= 0 && here >= last ? undefined : next;
}

/** The stage from which a rotation is undone; undefined where that is no longer possible, or under way. */
export function stageBack({ stage }: Rotation): RotationStage | undefined {
  switch (stage) {
    case 'trust':
      return 'discard';
    case 'reissue':
    case 'verify':
      return 'withdraw';
    default:
      return undefined;
  }
}

export const isStage = (text: unknown): text is RotationStage =>
  typeof text === 'string' && Object.hasOwn(STAGES, text);

export const isGoal = (text: unknown): text is RotationGoal =>
  text === 'trust' || text === 'reissue' || text === 'verify' || text === 'retire';
