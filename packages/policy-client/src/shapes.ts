// Answers kept by what they depend on. The rule: an answer is found again only by a call that is equal in every attribute the answer refers to, and differs in none.
import type { Attributes, Reference } from '@xebec/protos/xebec/policy/v1/policy_pb';
import { valueKey } from './attributes.ts';

interface Shape<Kept> {
  readonly references: readonly Reference[];
  readonly entries: Map<string, Kept>;
}

/** Kept answers of one kind. Bounded: the oldest go first. */
export class AnswersByReference<Kept> {
  readonly #shapes = new Map<string, Shape<Kept>>();
  readonly #mostEntries: number;
  readonly #mostShapes: number;
  #size = 0;

  constructor({
    mostEntries,
    mostShapes = 64,
  }: { readonly mostEntries: number; readonly mostShapes?: number }) {
    this.#mostEntries = mostEntries;
    this.#mostShapes = mostShapes;
  }

  get size(): number {
    return this.#size;
  }

  /** Answers that this call may use; what `isUsable` refuses is forgotten. */
  find(attributes: Attributes, isUsable: (kept: Kept) => boolean): Kept | undefined {
    for (const { references, entries } of this.#shapes.values()) {
      const signature = signatureOf(references, attributes);
      const kept = signature === undefined ? undefined : entries.get(signature);
      if (signature === undefined || kept === undefined) continue;
      if (isUsable(kept)) return kept;
      this.#delete(entries, signature);
    }
    return undefined;
  }

  /** Nothing is kept of an answer whose references are not those of the call. */
  keep(attributes: Attributes, references: readonly Reference[], kept: Kept): void {
    if (signatureOf(references, attributes) === undefined) return;
    const { entries, references: inOrder } = this.#shapeOf(references);
    // In the order of the shape, whatever order this answer has.
    const signature = signatureOf(inOrder, attributes);
    if (signature === undefined) return;
    this.#delete(entries, signature);
    entries.set(signature, kept);
    this.#size += 1;
    if (this.#size > this.#mostEntries) this.#forgetOne(entries);
  }

  #shapeOf(references: readonly Reference[]): Shape<Kept> {
    const sorted = [...references].sort((a, b) => (shapePart(a) < shapePart(b) ? -1 : 1));
    const key = sorted.map(shapePart).join('\u001f');
    const found = this.#shapes.get(key) ?? { references: sorted, entries: new Map<string, Kept>() };
    // The newest is the last.
    this.#shapes.delete(key);
    this.#shapes.set(key, found);
    for (const [oldest, { entries }] of this.#shapes) {
      if (this.#shapes.size <= this.#mostShapes) break;
      this.#size -= entries.size;
      this.#shapes.delete(oldest);
    }
    return found;
  }

  #forgetOne(newest: Map<string, Kept>): void {
    for (const { entries } of this.#shapes.values()) {
      const [oldest] = entries.keys();
      if (oldest === undefined || (entries === newest && entries.size === 1)) continue;
      this.#delete(entries, oldest);
      return;
    }
  }

  #delete(entries: Map<string, Kept>, signature: string): void {
    if (entries.delete(signature)) this.#size -= 1;
  }
}

const shapePart = ({ name, key, isPresent }: Reference): string =>
  `${isPresent ? '+' : '-'}${name}\u001e${key}`;

/** Undefined: something is there that must not be, or the other way round. */
function signatureOf(references: readonly Reference[], { attributes }: Attributes): string | undefined {
  const parts: string[] = [];
  for (const { name, key, isPresent } of references) {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    const text = valueKey(value, key);
    if ((text !== undefined) !== isPresent) return undefined;
    parts.push(text === undefined ? '' : `${text.length}:${text}`);
  }
  return parts.join(',');
}
