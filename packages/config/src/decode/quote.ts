// User text in messages: short, on one line, without characters that a terminal obeys.

/** In quotes, as JSON has them; at most `most` characters. */
export function quote(text: string, most = 60): string {
  return JSON.stringify(text.length > most ? `${text.slice(0, most)}…` : text).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}
