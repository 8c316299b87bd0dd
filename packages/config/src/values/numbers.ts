// Ports, shares and other numbers with a meaning.
import { type Decoder, integer, wrongType } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';
import { isDnsLabel } from './names.ts';

/** 1 to 65535. */
export const port = integer(1, 65_535);

/** A port number, or the name of a container port. */
export const portReference: Decoder<number | string> = (value, walk) => {
  if (typeof value !== 'string') return port(value, walk);
  if (/^\d{1,5}$/.test(value)) {
    return refuse(walk, wrongType('a port', value, `write ${value} without quotes`));
  }
  if (isDnsLabel(value)) return value;
  return refuse(walk, wrongType('a port number or a port name', value));
};

/** Any finite number from `least` to `most`. */
export function decimal(least: number, most: number): Decoder<number> {
  return (value, walk) => {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    if (typeof value !== 'number') return refuse(walk, wrongType('a number', value));
    return refuse(walk, {
      code: 'out-of-range',
      message: `must be a number from ${least} to ${most}, is ${value}`,
    });
  };
}

/** 0 to 100, fractions allowed. */
export const percentage = decimal(0, 100);
