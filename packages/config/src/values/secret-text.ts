// Text that may be secret. The rule: whatever it is, no message repeats it.
import type { Decoder } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';

/** Text; a key without a value is empty. */
export const secretText: Decoder<string> = (value, walk) => {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  return refuse(walk, { code: 'wrong-type', message: 'must be text', remedy: 'write the value in quotes' });
};
