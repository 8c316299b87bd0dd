// Shares of destinations as pieces of one fixed scale, laid out so that moving a share moves no user of another destination.

/** Envoy takes a request's hash modulo the sum of all weights: the sum must never change. */
export const scale = 1_000_000;

export interface Piece {
  /** Position in the list of destinations. */
  readonly destination: number;
  readonly weight: number;
}

interface Space {
  readonly from: number;
  readonly to: number;
}

/**
 * The first destination has what the others leave. Each other one has an anchor of its own on the scale and grows from
 * it towards 0: the second from the end, the third from the middle, and so on, whatever the others have. So users go
 * from and to the first destination, as in a rollout, and stay where they are otherwise. (When a destination outgrows
 * its place it takes the next that is free.)
 */
export function layOut(weights: readonly number[]): readonly Piece[] {
  const shares = normalize(weights);
  let free: readonly Space[] = [{ from: 0, to: scale }];
  const taken: (Space & { readonly destination: number })[] = [];
  for (const [destination, share] of shares.entries()) {
    if (destination === 0) continue;
    const found = take(free, share, Math.round(anchorOf(destination) * scale));
    free = found.rest;
    taken.push(...found.taken.map((space) => ({ ...space, destination })));
  }
  return [...taken, ...free.map((space) => ({ ...space, destination: 0 }))]
    .sort((left, right) => left.from - right.from)
    .map(({ destination, from, to }) => ({ destination, weight: to - from }));
}

/** Parts of the scale; what rounding leaves over goes to the largest share. */
function normalize(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = weights.map((weight) => Math.floor((weight / total) * scale));
  const largest = shares.indexOf(Math.max(...shares));
  const rest = scale - shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share, position) => (position === largest ? share + rest : share));
}

/** 1, 1/2, 3/4, 1/4, 7/8, …: each anchor as far from the earlier ones as can be. */
function anchorOf(destination: number): number {
  if (destination === 1) return 1;
  let [anchor, part] = [0, 0.5];
  for (let bits = destination - 1; bits > 0; bits >>= 1, part /= 2) anchor += (bits & 1) * part;
  return anchor;
}

/** `share` of the free space, from the anchor downwards and then from the end. */
function take(free: readonly Space[], share: number, anchor: number) {
  const below = free.map(({ from, to }) => ({ from, to: Math.min(to, anchor) }));
  const above = free.map(({ from, to }) => ({ from: Math.max(from, anchor), to }));
  const order = [...below.reverse(), ...above.reverse()].filter(({ from, to }) => from < to);
  const [taken, rest]: [Space[], Space[]] = [[], []];
  let left = share;
  for (const { from, to } of order) {
    const cut = Math.max(from, to - left);
    left -= to - cut;
    if (cut < to) taken.push({ from: cut, to });
    if (from < cut) rest.push({ from, to: cut });
  }
  rest.sort((one, other) => one.from - other.from);
  return { taken, rest };
}
