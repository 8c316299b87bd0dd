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

/** A good run that was cut says so. */
function report(details) {
  if (details.failed)
    throw new Error(fastCheck.defaultReportMessage(details), { cause: details.errorInstance });
  if (!details.interrupted) return;
  const wanted = details.runConfiguration.numRuns ?? 100;
  console.warn(`${details.numRuns} of ${wanted} random tries were good; there was no time for more`);
}

export function assert(property, parameters) {
  const limited = withLimit(parameters);
  const own = property.isAsync() || limited.reporter !== undefined ? {} : { reporter: report };
  return fastCheck.assert(property, { ...limited, ...own });
}
export const check = (property, parameters) => fastCheck.check(property, withLimit(parameters));

export default { ...fastCheck, assert, check };
