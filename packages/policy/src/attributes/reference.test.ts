// docs/reference/attributes.md lists every attribute as the vocabulary has it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withAttributes } from '../../../../docs/generate-attributes.ts';

test('the page of attributes is that of the vocabulary', () => {
  const text = readFileSync(new URL('../../../../docs/reference/attributes.md', import.meta.url), 'utf8');
  expect(withAttributes(text) === text, 'run: npx tsx docs/generate-attributes.ts').toBe(true);
});
