// What a Pod's annotations say of capture; what is of no use where nothing is captured is said, not passed over.
import { readCaptureAnnotations } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import { proxyConfigOf } from '../bootstrap/proxy-config.ts';
import type { CaptureRequest } from './capture.ts';

const interception = 'sidecar.istio.io/interceptionMode';

/** With `interceptionMode` of the proxy's configuration where the Pod has no annotation of that name. */
export function captureAnnotations(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const mode = proxyConfigOf(annotations)?.['interceptionMode'];
  return typeof mode !== 'string' || annotations[interception] !== undefined
    ? annotations
    : { ...annotations, [interception]: mode };
}

/** Under explicit capture applications name their proxy, and no rule decides about connections. */
export function inertAnnotations({
  namespace,
  name,
  annotations,
}: Pick<CaptureRequest, 'namespace' | 'name' | 'annotations'>): readonly Diagnostic[] {
  const { names, settings } = readCaptureAnnotations(annotations);
  return settings.interception === 'NONE'
    ? []
    : names.map((annotation) => ({
        severity: 'warning',
        code: 'annotation-without-effect',
        message: `explicit capture takes no notice of the annotation ${annotation}`,
        remedy: 'use transparent capture (--capture transparent), or remove it',
        field: `metadata.annotations["${annotation}"]`,
        origin: { object: `Pod/${namespace}/${name}` },
      }));
}
