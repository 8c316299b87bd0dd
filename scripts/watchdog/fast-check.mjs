// fast-check as tests import it: it keeps to the time of its test, which no timer can see to while runs follow each other
// without a pause. Then the search for a smaller counterexample ends with the smallest so far, and a good run with fewer tries.
import { TestRunner } from 'vitest';
import fastCheck from '../../node_modules/fast-check/lib/fast-check.js';

export * from '../../node_modules/fast-check/lib/fast-check.js';

const shareOfTest = 0.7;

function withLimit(parameters = {}) {
  const { timeout = 0 } = TestRunner.getCurrentTest() ?? {};
  return timeout > 0 ? { interruptAfterTimeLimit: timeout * shareOfTest, ...parameters } : parameters;
}

export const assert = (property, parameters) => fastCheck.assert(property, withLimit(parameters));
export const check = (property, parameters) => fastCheck.check(property, withLimit(parameters));

export default { ...fastCheck, assert, check };
