// What is wrong with objects: each mistake with its object, its field, the position inside the expression and what to write.
import { describe, expect, it } from 'vitest';
import { adapterForms } from '../adapters/catalog.ts';
import { handler, instance, manifest, rule } from '../testing/test-engine.ts';
import { checkPolicyObjects, isAboutAnother } from './check-policy-objects.ts';
import type { PolicyObject } from './policy-object.ts';

const problemsOf = (...objects: readonly PolicyObject[]) =>
  checkPolicyObjects({ objects, adapters: adapterForms });

const codesOf = (...objects: readonly PolicyObject[]) =>
  problemsOf(...objects).map(({ object, diagnostic }) => `${object} ${diagnostic.field} ${diagnostic.code}`);

const deny = handler({ name: 'deny' }, 'denier');
const nothing = instance({ name: 'nothing' }, 'checknothing');

describe('objects of the policy service', () => {
  it('are good when everything fits', () => {
    const good = rule({ name: 'r' }, { match: 'request.size > 100', send: { deny: ['nothing'] } });
    expect(codesOf(deny, nothing, good)).toEqual([]);
  });

  it('name attributes of the vocabulary: of every mesh or of a manifest', () => {
    const size = instance({ name: 'size' }, 'metric', {
      value: 'request.sise | 0',
      dimensions: { tenant: 'shop.tenant | ""' },
    });
    const [first, second] = problemsOf(size);
    expect(first).toMatchObject({
      object: 'instance/istio-system/size',
      diagnostic: {
        field: 'spec.params.value',
        code: 'unknown-attribute',
        message: expect.stringMatching(/request\.sise.*line 1, column 1 of the expression/),
        remedy: 'did you mean "request.size"?',
      },
    });
    expect(second?.diagnostic.field).toBe('spec.params.dimensions.tenant');
    const good = instance({ name: 'size' }, 'metric', {
      value: '1',
      dimensions: { tenant: 'shop.tenant | ""' },
    });
    const declared = manifest({ name: 'shop' }, { 'shop.tenant': { valueType: 'STRING', description: '' } });
    expect(codesOf(good, declared)).toEqual([]);
    const other = manifest({ name: 'zoo' }, { 'shop.tenant': { valueType: 'INT64', description: '' } });
    expect(codesOf(good, declared, other)).toEqual([
      'attributemanifest/istio-system/zoo spec.attributes["shop.tenant"] attribute-two-types',
    ]);
  });

  it('give every field the type that its template asks for', () => {
    const log = instance({ name: 'log' }, 'logentry', {
      severity: 'request.size',
      timestamp: '"now"',
      colour: '1',
    });
    expect(codesOf(log)).toEqual([
      'instance/istio-system/log spec.params.severity wrong-type',
      'instance/istio-system/log spec.params.timestamp wrong-type',
      'instance/istio-system/log spec.params.colour unknown-field',
    ]);
    const camel = instance({ name: 'm' }, 'metric', {
      value: 1,
      monitoredResourceType: '"UNSPECIFIED"',
      monitored_resource_type: '"UNSPECIFIED"',
    });
    expect(codesOf(camel)).toEqual([
      'instance/istio-system/m spec.params.monitored_resource_type conflicting-fields',
    ]);
    expect(codesOf(instance({ name: 'm' }, 'metric', {}))).toEqual([
      'instance/istio-system/m spec.params missing-field',
    ]);
  });

  it('match with what is true or false', () => {
    expect(
      codesOf(deny, nothing, rule({ name: 'r' }, { match: 'request.size', send: { deny: ['nothing'] } })),
    ).toEqual(['rule/istio-system/r spec.match wrong-type']);
  });

  it('name templates and adapters that there are, with parameters as these read them', () => {
    expect(problemsOf(handler({ name: 'h' }, 'deniar'))[0]?.diagnostic).toMatchObject({
      code: 'unknown-adapter',
      remedy: 'did you mean "denier"?',
    });
    expect(problemsOf(instance({ name: 'i' }, 'checknothin'))[0]?.diagnostic.remedy).toBe(
      'did you mean "checknothing"?',
    );
    expect(codesOf(handler({ name: 'h' }, 'list', { entryType: 'REGEX', overrides: ['('] }))).toEqual([
      'handler/istio-system/h spec.params.overrides[0] invalid-entry',
    ]);
  });

  it('send instances where they are taken', () => {
    const metric = instance({ name: 'm' }, 'metric', { value: 1 });
    const wrong = problemsOf(deny, metric, rule({ name: 'r' }, { send: { deny: ['m'] } }));
    expect(wrong[0]?.diagnostic).toMatchObject({
      field: 'spec.actions[0].instances[0]',
      code: 'template-not-taken',
      remedy: 'send it instances of checknothing, listentry, quota',
    });
  });

  it('may wait for each other', () => {
    const problems = problemsOf(rule({ name: 'r' }, { send: { 'deny.elsewhere': ['nothing'] } }));
    expect(problems.map(({ diagnostic }) => diagnostic.code)).toEqual([
      'unknown-handler',
      'unknown-instance',
    ]);
    expect(problems.every(isAboutAnother)).toBe(true);
  });

  it('bind only what adapters produce, to attributes that there are', () => {
    const bindings = (written: Readonly<Record<string, string>>) =>
      codesOf(instance({ name: 'k' }, 'kubernetes', {}, written)).map((text) => text.replace(/^\S+ /, ''));
    expect(bindings({ 'source.labels': '$out.source_labels' })).toEqual([]);
    expect(bindings({ 'source.labels': '$out.source_label' })).toEqual([
      'spec.attributeBindings["source.labels"] unknown-attribute',
    ]);
    expect(bindings({ 'source.colour': '$out.source_namespace' })).toEqual([
      'spec.attributeBindings["source.colour"] unknown-attribute',
    ]);
    expect(bindings({ 'source.labels': '$out.source_namespace' })).toEqual([
      'spec.attributeBindings["source.labels"] wrong-type',
    ]);
  });

  it('change headers that may be changed', () => {
    const operation = { name: 'Content-Length', operation: 'REPLACE', values: ['"0"'] } as const;
    expect(codesOf(rule({ name: 'r' }, { requestHeaderOperations: [operation] }))).toEqual([
      'rule/istio-system/r spec.requestHeaderOperations[0].name invalid-header',
    ]);
  });
});
