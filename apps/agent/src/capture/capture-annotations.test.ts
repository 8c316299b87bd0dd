// Annotations of capture: the proxy's configuration counts where there is no annotation, and nothing is passed over silently.
import { expect, test } from 'vitest';
import { captureAnnotations, inertAnnotations } from './capture-annotations.ts';

const mode = 'sidecar.istio.io/interceptionMode';

test('interceptionMode of the proxy configuration counts, the annotation more', () => {
  const configured = { 'proxy.istio.io/config': 'interceptionMode: TPROXY' };
  expect(captureAnnotations(configured)).toMatchObject({ [mode]: 'TPROXY' });
  expect(captureAnnotations({ ...configured, [mode]: 'NONE' })).toMatchObject({ [mode]: 'NONE' });
  expect(captureAnnotations({ a: 'b' })).toEqual({ a: 'b' });
});

test('explicit capture says what it takes no notice of', () => {
  const inertOf = (annotations: Readonly<Record<string, string>>): readonly (string | undefined)[] =>
    inertAnnotations({ namespace: 'default', name: 'a', annotations }).map(({ field }) => field);
  const ports = 'traffic.sidecar.istio.io/excludeOutboundPorts';
  expect(inertOf({ [ports]: '5432', [mode]: 'TPROXY' })).toEqual([
    `metadata.annotations["${ports}"]`,
    `metadata.annotations["${mode}"]`,
  ]);
  expect(inertOf({ [mode]: 'REDIRECT', 'example.com/x': 'y' })).toEqual([]);
  expect(inertOf({ [ports]: '5432', [mode]: 'NONE' })).toEqual([]);
});
