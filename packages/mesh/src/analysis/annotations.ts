// Annotations and labels of the istio.io domains on objects of Kubernetes: misspelt, misplaced, of a wrong value, replaced.
import { nearestName, type ObjectOf } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { knownAnnotations } from './annotation-table.ts';
import { problemAt, type Scene } from './scene.ts';

type Metadata = ObjectOf<'Pod'>['metadata'];
type Named = { readonly kind: string; readonly metadata: Metadata };

export function* checkAnnotations({ objects }: Scene): Generator<Conflict> {
  for (const object of objects.list('Namespace')) {
    yield* check(object, { at: 'metadata', kind: 'Namespace', ...object.metadata });
    yield* checkInjection(object);
  }
  for (const object of objects.list('Service'))
    yield* check(object, { at: 'metadata', kind: 'Service', ...object.metadata });
  for (const object of objects.list('Pod'))
    yield* check(object, { at: 'metadata', kind: 'Pod', ...object.metadata });
  for (const object of objects.list('Deployment')) {
    yield* check(object, { at: 'metadata', kind: 'Deployment', ...object.metadata });
    yield* check(object, { at: 'spec.template.metadata', kind: 'Pod', ...object.spec.template });
  }
}

interface Annotated {
  readonly at: string;
  readonly kind: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const isOurs = (name: string): boolean =>
  name === 'kubernetes.io/ingress.class' || /(^|\.)istio\.io$/.test(name.split('/')[0] ?? '');

/** Set by others than the author, on Pods that run. */
const ofPlatform: ReadonlySet<string> = new Set([
  'istio.io/rev',
  'ambient.istio.io/redirection',
  'sidecar.istio.io/status',
]);

function* check(object: Named, { at, kind, annotations, labels }: Annotated): Generator<Conflict> {
  for (const [name, value] of Object.entries(annotations)) {
    if (!isOurs(name) || ofPlatform.has(name)) continue;
    const field = `${at}.annotations[${JSON.stringify(name)}]`;
    const known = knownAnnotations.get(name);
    if (known === undefined) {
      const near = nearestName(name, knownAnnotations.keys());
      yield problemAt(object, field, {
        code: 'annotation-unknown',
        message: `nobody reads the annotation ${name}`,
        remedy: near === undefined ? 'correct its name, or remove it' : `did you mean "${near}"?`,
      });
      continue;
    }
    const { kinds, replacedBy, check: checkValue } = known;
    if (replacedBy !== undefined && !Object.hasOwn(labels, name)) {
      yield problemAt(object, field, {
        code: 'annotation-deprecated',
        message: `the annotation ${name} has been replaced`,
        remedy: `use ${replacedBy}`,
      });
    }
    if (kinds !== undefined && !kinds.includes(kind)) {
      yield problemAt(object, field, {
        code: 'annotation-misplaced',
        message: `${name} has no effect on a ${kind}`,
        remedy: `write it on ${kinds.join(' or ')}${kind === 'Deployment' && kinds.includes('Pod') ? ': spec.template.metadata.annotations' : ''}`,
      });
      continue;
    }
    const problem = checkValue?.(value);
    if (problem === undefined) continue;
    yield problemAt(object, field, {
      code: 'annotation-invalid',
      message: `${name}: ${problem}`,
      remedy: 'correct the value',
    });
  }
}

const decidingLabels = ['istio-injection', 'istio.io/rev', 'istio.io/dataplane-mode'];

function* checkInjection(object: ObjectOf<'Namespace'>): Generator<Conflict> {
  const { labels } = object.metadata;
  const found = decidingLabels.filter((label) => Object.hasOwn(labels, label));
  if (found.length < 2 || labels['istio-injection'] === 'disabled') return;
  yield problemAt(object, 'metadata.labels', {
    code: 'injection-labels',
    message: `the labels ${found.join(' and ')} contradict each other about the proxies of its workloads`,
    remedy: 'keep one of them',
  });
}
