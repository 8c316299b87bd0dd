// Who emits which output key: the first claimant owns it, later ones wait and are reported, and take over when it is free.
import { InvariantError } from './invariant.ts';
import type { Cell } from './table.ts';
import type { Change, Changes, Equals } from './types.ts';

interface Claim<V> {
  value: V;
  readonly epoch: number;
}

/** A row as it was before the wave; `cell` is undefined when there was none. */
interface Earlier<V, O extends string> {
  readonly cell: Cell<V, O> | undefined;
  readonly value: V | undefined;
  readonly epoch: number;
}

/** A claim that was refused because another owner emits the same key. */
export interface Conflict<K extends string, O extends string> {
  readonly owner: O;
  readonly key: K;
  readonly error: InvariantError;
  readonly epoch: number;
}

export class Outputs<K extends string, V, O extends string> {
  private readonly cells: Map<K, Cell<V, O>>;
  private readonly equals: Equals<V>;
  private readonly waiting = new Map<K, Map<O, Claim<V>>>();
  private touched = new Map<K, Earlier<V, O>>();

  constructor(cells: Map<K, Cell<V, O>>, equals: Equals<V>) {
    this.cells = cells;
    this.equals = equals;
  }

  /** Whether `owner` already has `value` at `key`, so that there is nothing to do. Throws when `equals` does. */
  holds(owner: O, key: K, value: V): boolean {
    const cell = this.cells.get(key);
    return cell !== undefined && cell.owner === owner && this.equals(cell.value, value);
  }

  put(owner: O, key: K, claim: Claim<V>): void {
    const cell = this.cells.get(key);
    if (cell !== undefined && cell.owner !== owner) {
      this.wait(owner, key, claim);
      return;
    }
    this.touch(key, cell);
    if (cell === undefined) this.cells.set(key, { owner, ...claim });
    else cell.value = claim.value;
  }

  release(owner: O, key: K): void {
    const cell = this.cells.get(key);
    if (cell?.owner !== owner) {
      this.stopWaiting(owner, key);
      return;
    }
    this.touch(key, cell);
    const next = this.waiting.get(key)?.entries().next();
    if (next === undefined || next.done === true) {
      this.cells.delete(key);
      return;
    }
    const [nextOwner, claim] = next.value;
    this.stopWaiting(nextOwner, key);
    this.cells.set(key, { value: claim.value, epoch: claim.epoch, owner: nextOwner });
  }

  /** The net changes since the last call, stamped with `epoch`. */
  settle(epoch: number): Changes<K, V> {
    const changes = new Map<K, Change<V>>();
    for (const [key, earlier] of this.touched) {
      const cell = this.cells.get(key);
      if (cell !== undefined && this.isBackAgain(cell, earlier)) continue;
      if (cell !== undefined) cell.epoch = epoch;
      else if (earlier.cell === undefined) continue;
      changes.set(key, { before: earlier.value, after: cell?.value });
    }
    this.touched = new Map();
    return changes;
  }

  *conflicts(): Iterable<Conflict<K, O>> {
    for (const [key, claims] of this.waiting) {
      const winner = this.cells.get(key)?.owner ?? '';
      for (const [owner, { epoch }] of claims) {
        const error = new InvariantError(
          `"${owner}" and "${winner}" both emit "${key}"; "${winner}" was first. Merge them with an explicit group`,
        );
        yield { owner, key, error, epoch };
      }
    }
  }

  private touch(key: K, cell: Cell<V, O> | undefined): void {
    if (this.touched.has(key)) return;
    this.touched.set(key, { cell, value: cell?.value, epoch: cell?.epoch ?? 0 });
  }

  private wait(owner: O, key: K, claim: Claim<V>): void {
    const claims = this.waiting.get(key);
    const present = claims?.get(owner);
    if (present !== undefined) present.value = claim.value;
    else if (claims !== undefined) claims.set(owner, claim);
    else this.waiting.set(key, new Map([[owner, claim]]));
  }

  private stopWaiting(owner: O, key: K): void {
    const claims = this.waiting.get(key);
    if (claims?.delete(owner) && claims.size === 0) this.waiting.delete(key);
  }

  /** A key that changed its owner within the wave and has an equal value keeps the value it had. */
  private isBackAgain(cell: Cell<V, O>, earlier: Earlier<V, O>): boolean {
    if (earlier.value === undefined || cell === earlier.cell) return false;
    if (!isSurelyEqual(this.equals, earlier.value, cell.value)) return false;
    cell.value = earlier.value;
    cell.epoch = earlier.epoch;
    return true;
  }
}

/** An `equals` that throws has not shown that the values are equal. */
function isSurelyEqual<V>(equals: Equals<V>, left: V, right: V): boolean {
  try {
    return equals(left, right);
  } catch {
    return false;
  }
}
