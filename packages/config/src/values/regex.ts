// Regular expressions that users write: RE2 syntax, checked by reading it and never by running it.
import { andThen, type Decoder, quote, text } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';
import { checkRe2 } from './re2/checker.ts';

/** An RE2 expression, not empty. */
export const regex: Decoder<string> = andThen(text, (pattern, walk) => {
  if (pattern === '') {
    return refuse(walk, {
      code: 'missing-field',
      message: 'must not be empty',
      remedy: 'write an expression',
    });
  }
  const fault = checkRe2(pattern);
  if (fault === undefined) return pattern;
  return refuse(walk, {
    code: 'invalid-regex',
    message: `${quote(pattern)} is not an RE2 expression: ${fault.message}`,
    remedy: fault.remedy,
  });
});
