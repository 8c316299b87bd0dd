// Ports, shares and other numbers with a meaning.
import { type Decoder, integer, wrongType } from '../decode/decoder.ts';
import { describing } from '../decode/description.ts';
import { refuse } from '../decode/walk.ts';
import { isDnsLabel } from './names.ts';

/** 1 to 65535. */
export const port = integer(1, 65_535);

/** A port number, or the name of a container port. */
export const portReference: Decoder<number | string> = (value, walk) => {
  if (typeof value !== 'string') return port(value, walk);
  if (/^\d+$/.test(value)) {
    const isPort = value.length <= 5;
    return refuse(walk, wrongType('a port', value, isPort ? `write ${value} without quotes` : undefined));
  }
  if (isDnsLabel(value)) return value;
  return refuse(walk, wrongType('a port number or a port name', value));
};

/** Any finite number from `least` to `most`. */
export function decimal(least: number, most: number): Decoder<number> {
  const decode: Decoder<number> = (value, walk) => {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    if (typeof value !== 'number') return refuse(walk, wrongType('a number', value));
    return refuse(walk, {
      code: 'out-of-range',
      message: `must be a number from ${least} to ${most}, is ${value}`,
      remedy: `write a number from ${least} to ${most}`,
    });
  };
  return describing(decode, { kind: 'number', least, most, isWhole: false });
}

/** 0 to 100, fractions allowed. */
export const percentage = decimal(0, 100);
