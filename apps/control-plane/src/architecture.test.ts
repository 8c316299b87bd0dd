// The diagrams of the architecture pages are those of the pipeline that runs.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { drawings, pageOf, withDrawing } from '../../../docs/generate-architecture.ts';

describe('architecture pages', () => {
  test.each(drawings())('$file holds the diagram of the present pipeline', ({ file, mermaid }) => {
    const page = readFileSync(pageOf(file), 'utf8');
    const remedy = 'run: npx tsx docs/generate-architecture.ts';
    expect(page === withDrawing(page, mermaid), remedy).toBe(true);
  });
});
