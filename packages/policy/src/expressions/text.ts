// Text as Go compares and folds it: by code points, not by UTF-16 units, and with no regard to language.

/** Negative, zero or positive: in the order of the UTF-8 bytes. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const [left, right] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points past all others. */
const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

/** Letter by letter: no letter becomes two, and a final sigma is a sigma. */
export function toLower(text: string): string {
  const isAscii = !/[\u0080-\uffff]/.test(text);
  return isAscii ? text.toLowerCase() : [...text].map(lowerOne).join('');
}

function lowerOne(character: string): string {
  if (character === '\u0130') return 'i';
  return character.toLowerCase();
}
