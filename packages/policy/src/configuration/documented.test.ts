// What the pages show is right: every object in them is read and can be compiled, beside the others of its page.
import { readFileSync } from 'node:fs';
import { type AnyObject, parseDocuments, parseObject } from '@xebec/config';
import { describe, expect, it } from 'vitest';
import { adapterForms } from '../adapters/catalog.ts';
import { checkPolicyObjects } from './check-policy-objects.ts';
import type { PolicyObject } from './policy-object.ts';

const pages = [
  'docs/guides/policy-service.md',
  'docs/kinds/policy-service.md',
  'docs/kinds/quota-pool.md',
  'docs/reference/adapters.md',
];

const read = (page: string): string => readFileSync(new URL(`../../../../${page}`, import.meta.url), 'utf8');

/** The object as it comes to the policy service, over JSON. */
function policyObject({ kind, metadata: { namespace, name }, spec }: AnyObject): PolicyObject {
  return JSON.parse(JSON.stringify({ kind, namespace, name, spec }));
}

describe.each(pages)('%s', (page) => {
  it('shows objects that are right', () => {
    const examples = [...read(page).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
    const { objects, diagnostics } = parseDocuments(examples.join('\n---\n'), page);
    expect(diagnostics).toEqual([]);
    const parsed = objects.map((raw) => {
      const result = parseObject(raw, { defaultNamespace: 'default' });
      if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
      return policyObject(result.value);
    });
    expect(parsed.length).toBeGreaterThan(0);
    const problems = checkPolicyObjects({ objects: parsed, adapters: adapterForms });
    expect(
      problems.map(({ object, diagnostic }) => `${object} ${diagnostic.field}: ${diagnostic.message}`),
    ).toEqual([]);
  });
});

it('every adapter has its place on the page of adapters', () => {
  const page = read('docs/reference/adapters.md');
  for (const { name } of adapterForms) if (name !== 'quotapool') expect(page).toContain(name);
});
