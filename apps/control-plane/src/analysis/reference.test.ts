// docs/reference/analysis.md lists every finding as the registry has it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withEntries } from '../../../../docs/generate-analysis.ts';

test('the page of findings is that of the registry', () => {
  const text = readFileSync(new URL('../../../../docs/reference/analysis.md', import.meta.url), 'utf8');
  expect(withEntries(text) === text, 'run: npx tsx docs/generate-analysis.ts').toBe(true);
});
