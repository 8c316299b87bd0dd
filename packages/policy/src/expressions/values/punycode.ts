// Labels of domain names behind `xn--` (RFC 3492). Rule: wrong digits and overflow give undefined.

const base = 36;
const smallest = 1;
const largest = 26;

export function decodePunycode(text: string): string | undefined {
  const dash = text.lastIndexOf('-');
  const output = [...text.slice(0, Math.max(dash, 0))];
  let code = 128;
  let bias = 72;
  let place = 0;
  let at = dash < 0 ? 0 : dash + 1;
  if (at >= text.length) return undefined;
  while (at < text.length) {
    const read = readDelta(text, at, bias);
    if (read === undefined) return undefined;
    at = read.at;
    const next = place + read.delta;
    const count = output.length + 1;
    bias = adapt(read.delta, count, place === 0 && code === 128 && output.every((one) => one < '\u0080'));
    code += Math.floor(next / count);
    place = next % count;
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
    output.splice(place, 0, String.fromCodePoint(code));
    place += 1;
  }
  return output.join('');
}

function readDelta(text: string, from: number, bias: number): { delta: number; at: number } | undefined {
  let delta = 0;
  let weight = 1;
  let at = from;
  for (let step = base; ; step += base) {
    const digit = Number.parseInt(digitOf(text.charAt(at)), 10);
    if (Number.isNaN(digit)) return undefined;
    at += 1;
    delta += digit * weight;
    if (delta > 0x7fffffff) return undefined;
    const threshold = Math.min(Math.max(step - bias, smallest), largest);
    if (digit < threshold) return { delta, at };
    weight *= base - threshold;
  }
}

function digitOf(character: string): string {
  if (/^[a-z]$/i.test(character)) return String(character.toLowerCase().charCodeAt(0) - 97);
  return /^\d$/.test(character) ? String(Number(character) + 26) : '';
}

function adapt(delta: number, count: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / 700) : Math.floor(delta / 2);
  rest += Math.floor(rest / count);
  let bias = 0;
  while (rest > ((base - smallest) * largest) / 2) {
    rest = Math.floor(rest / (base - smallest));
    bias += base;
  }
  return bias + Math.floor(((base - smallest + 1) * rest) / (rest + 38));
}
