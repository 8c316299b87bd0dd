// Colour for people: only on a terminal, never with NO_COLOR, never in what other programs read.
import type { Cli, Terminal } from '../cli.ts';

type Paint = (text: string) => string;

export interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

const plain: Paint = (text) => text;

const noColour: Palette = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };

const code =
  (on: number, off: number): Paint =>
  (text) =>
    text === '' ? text : `\u001b[${on}m${text}\u001b[${off}m`;

const colours: Palette = {
  bold: code(1, 22),
  dim: code(2, 22),
  red: code(31, 39),
  green: code(32, 39),
  yellow: code(33, 39),
  cyan: code(36, 39),
};

/** The colours for one stream. */
export function paletteFor(cli: Pick<Cli, 'env'>, stream: Terminal): Palette {
  const isPlain = stream.isTTY !== true || (cli.env['NO_COLOR'] ?? '') !== '' || cli.env['TERM'] === 'dumb';
  return isPlain ? noColour : colours;
}
