// Words and their numbers: 0 and above in the global dictionary, below 0 in that of the message.
import { globalWords } from './global-words.ts';

/** Undefined: there is no such word. */
export function wordAt(index: number, own: readonly string[]): string | undefined {
  return index >= 0 ? globalWords[index] : own[-index - 1];
}

const numbers: ReadonlyMap<string, number> = new Map(
  [...globalWords.entries()].reverse().map(([index, word]) => [word, index]),
);

/** Gives words numbers for one message. */
export class WordList {
  readonly words: string[] = [];
  readonly #own = new Map<string, number>();
  readonly #known: number;

  /** `known`: how many words of the global dictionary the reader has. */
  constructor(known: number) {
    this.#known = known;
  }

  numberOf(word: string): number {
    const global = numbers.get(word);
    if (global !== undefined && global < this.#known) return global;
    const own = this.#own.get(word) ?? -this.words.push(word);
    this.#own.set(word, own);
    return own;
  }
}
