// Documents on their way to the control plane, and how old objects are.
import { describe, expect, it } from 'vitest';
import { ageOf } from '../get/columns.ts';
import { withoutLocalDocuments } from './local-documents.ts';
import { fieldPath } from './local-images.ts';
import { displayName } from './read-documents.ts';

const local = 'apiVersion: local.xebec.io/v1alpha1\nkind: LocalImages\n';

describe('withoutLocalDocuments', () => {
  it('leaves out a file that holds nothing else', () => {
    expect(withoutLocalDocuments([{ file: 'a', text: local }])).toEqual([]);
  });

  it('keeps the numbers of the lines around', () => {
    const text = `kind: A\n---\n${local}---\nkind: B\n`;
    const [kept] = withoutLocalDocuments([{ file: 'a', text }]);
    expect(kept?.text.split('\n').indexOf('kind: B')).toBe(text.split('\n').indexOf('kind: B'));
    expect(kept?.text).not.toContain('LocalImages');
  });
});

describe('fieldPath', () => {
  it('splits what diagnostics write', () => {
    expect(fieldPath('images[0].command[12]')).toEqual(['images', 0, 'command', 12]);
  });
});

describe('displayName', () => {
  it('is short below the working directory only', () => {
    expect([displayName('/a', '/a/b/c.yaml'), displayName('/a', '/d.yaml')]).toEqual(['b/c.yaml', '/d.yaml']);
  });
});

describe('ageOf', () => {
  const now = Date.parse('2026-01-03T00:00:00Z');
  it.each([
    ['2026-01-02T23:59:15Z', '45s'],
    ['2026-01-02T23:56:50Z', '3m10s'],
    ['2026-01-02T22:00:00Z', '120m'],
    ['2026-01-02T19:00:00Z', '5h'],
    ['2025-12-22T00:00:00Z', '12d'],
    ['not a time', ''],
  ])('%s → %s', (time, age) => {
    expect(ageOf(time, now)).toBe(age);
  });
});
