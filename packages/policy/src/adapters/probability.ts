// A share of all, from 0 to 1.
import type { Decoder } from '@xebec/config/decode';
import { quote, refuse } from '@xebec/config/decode';

export const probability: Decoder<number> = (value, walk) =>
  typeof value === 'number' && value >= 0 && value <= 1
    ? value
    : refuse(walk, {
        code: 'out-of-range',
        message: `${quote(String(value))} is not a number from 0 to 1`,
        remedy: 'write 0.01 for one in a hundred',
      });
