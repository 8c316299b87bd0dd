// Every YAML block of the documentation that holds objects passes `xebec validate`: what a reader copies is right.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { formatDiagnostic } from '@xebec/std';
import { expect, test } from 'vitest';
import type { SourceText } from '../documents/read-documents.ts';
import { checkDocuments } from './check-documents.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..');

const pagesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(root, folder, file));

const fence = /^( *)```ya?ml\n([\s\S]*?)^ *```$/gm;

/** The blocks of a page, each with blank lines before it, so that lines are the page's own. */
function blocksOf(page: string): readonly SourceText[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(fence)].map(({ 1: indent = '', 2: body = '', index }) => ({
    file: relative(root, page),
    text:
      '\n'.repeat(text.slice(0, index).split('\n').length) +
      body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

const holdsObjects = ({ text }: SourceText): boolean => /^kind: /m.test(text) && /^apiVersion: /m.test(text);

const blocks = [join(root, 'README.md'), ...pagesIn('docs')].flatMap(blocksOf).filter(holdsObjects);

/** The first example waits until everything that checks it is loaded. */
const loadingMs = 60_000;

test('there are examples', () => expect(blocks.length).toBeGreaterThan(5));

test.each(blocks.map((block) => [`${block.file}:${block.text.search(/\S/) + 1}`, block] as const))(
  'the example at %s is valid',
  async (_place, block) => {
    const options = {
      defaultNamespace: 'default',
      cwd: root,
      missing: 'warning',
      unknownFields: 'error',
    } as const;
    const { diagnostics } = await checkDocuments([block], options);
    expect(diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic)).toEqual([]);
  },
  loadingMs,
);
