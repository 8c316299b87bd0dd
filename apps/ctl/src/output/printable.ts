// Text from elsewhere on its way to a terminal: control characters become visible instead of acting.

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be found
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The text with escapes and other control characters shown as `\x1b`; tabs and line ends stay. */
export const printable = (text: string): string =>
  text.replace(controls, (character) => {
    const value = character.charCodeAt(0).toString(16);
    return value.length > 2 ? `\\u${value.padStart(4, '0')}` : `\\x${value.padStart(2, '0')}`;
  });

/** The same, in one line. */
export const inOneLine = (text: string): string => printable(text.replace(/\s*[\r\n]+\s*/g, ' '));
