// Policies and workloads: selectors that fit nobody, ports that nobody has, users and accounts that do not work out.
import type { ObjectOf } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { objectOf, problemAt, type Scene } from './scene.ts';
import { type KnownWorkload, selectWorkloads } from './workloads.ts';

export function* checkPolicies(scene: Scene): Generator<Conflict> {
  for (const object of scene.objects.list('PeerAuthentication')) {
    const { selector, portModes } = object.spec;
    if (selector === undefined) continue;
    const selected = selectedBy(scene, object, selector);
    if (selected.length === 0) yield* selectsNothing(scene, object, 'spec.selector');
    else yield* checkPorts(object, Object.keys(portModes).map(Number), selected);
  }
  for (const object of scene.objects.list('AuthorizationPolicy')) {
    const { selector } = object.spec;
    if (selectedBy(scene, object, selector ?? {}).length > 0) continue;
    yield* selectsNothing(scene, object, selector === undefined ? 'metadata.namespace' : 'spec.selector');
  }
  for (const object of scene.objects.list('RequestAuthentication')) {
    const { selector, targetGateways } = object.spec;
    if (targetGateways.length > 0 || selectedBy(scene, object, selector ?? {}).length > 0) continue;
    yield* selectsNothing(scene, object, selector === undefined ? 'metadata.namespace' : 'spec.selector');
  }
  for (const object of scene.objects.list('BrowserLogin')) {
    const { selector, targetGateways } = object.spec;
    if (selector === undefined || targetGateways.length > 0) continue;
    const { namespace } = object.metadata;
    if (selectWorkloads(scene.workloads, selector, namespace).length === 0)
      yield* selectsNothing(scene, object, 'spec.selector');
  }
  for (const kind of ['WasmPlugin', 'TrafficExtension'] as const) {
    for (const object of scene.objects.list(kind)) {
      const { selector, targetGateways } = object.spec;
      if (selector === undefined || targetGateways.length > 0) continue;
      if (selectedBy(scene, object, selector).length === 0)
        yield* selectsNothing(scene, object, 'spec.selector');
    }
  }
  for (const object of scene.objects.list('EnvoyFilter')) {
    const { workloadSelector, targetGateways } = object.spec;
    if (workloadSelector === undefined || targetGateways.length > 0) continue;
    if (selectedBy(scene, object, workloadSelector).length === 0)
      yield* selectsNothing(scene, object, 'spec.workloadSelector');
  }
  for (const kind of ['WasmPlugin', 'TrafficExtension'] as const) {
    for (const object of scene.objects.list(kind)) {
      const { selector, targetGateways } = object.spec;
      if (targetGateways.length === 0 && selectedBy(scene, object, selector ?? {}).length === 0)
        yield* selectsNothing(scene, object, selector === undefined ? 'metadata.namespace' : 'spec.selector');
    }
  }
  for (const object of scene.objects.list('DestinationRule')) {
    const { workloadSelector = {} } = object.spec;
    if (Object.keys(workloadSelector).length === 0) continue;
    if (selectWorkloads(scene.workloads, workloadSelector, object.metadata.namespace).length === 0)
      yield* selectsNothing(scene, object, 'spec.workloadSelector');
  }
}

type Named = { readonly kind: string; readonly metadata: ObjectOf<'Pod'>['metadata'] };

/** Those of the object's namespace; of the root namespace everybody. */
export function selectedBy(
  { settings, workloads }: Scene,
  { metadata: { namespace } }: Named,
  selector: Readonly<Record<string, string>>,
): readonly KnownWorkload[] {
  return selectWorkloads(workloads, selector, namespace === settings.rootNamespace ? undefined : namespace);
}

/** Nothing is said where no workloads are known at all. */
export function* selectsNothing(scene: Scene, object: Named, field: string): Generator<Conflict> {
  if (!scene.isWhole && scene.workloads.all.length === 0) return;
  yield problemAt(object, field, {
    code: 'selects-nothing',
    message: `it selects no workload: ${object.kind} ${object.metadata.name} has no effect`,
    remedy: 'correct the labels, or deploy such a workload',
  });
}

/** Ports are those that the application listens on, which is often taken for the Service's. */
function* checkPorts(
  object: ObjectOf<'PeerAuthentication'>,
  ports: readonly number[],
  selected: readonly KnownWorkload[],
): Generator<Conflict> {
  const known = new Set(selected.flatMap((workload) => workload.ports.map(({ number }) => number)));
  if (known.size === 0) return;
  for (const port of ports) {
    if (known.has(port)) continue;
    yield problemAt(object, `spec.portLevelMtls[${JSON.stringify(String(port))}]`, {
      code: 'peer-port-unused',
      message: `no selected workload declares port ${port} (${[...known].sort((left, right) => left - right).join(', ')}); port numbers are those of the workload, not of a Service`,
      remedy: 'write the container port',
    });
  }
}

const proxyUser = 1337;

export function* checkDeployments(scene: Scene): Generator<Conflict> {
  const accounts = new Set([...scene.objects.list('ServiceAccount')].map(objectOf));
  for (const object of scene.objects.list('Deployment')) {
    const { serviceAccountName: name } = object.spec.template.body;
    const { namespace } = object.metadata;
    if (name !== 'default' && !accounts.has(`ServiceAccount/${namespace}/${name}`)) {
      yield problemAt(object, 'spec.template.spec.serviceAccountName', {
        code: 'service-account-unknown',
        message: `there is no ServiceAccount ${name} in namespace ${namespace}`,
        remedy: 'add it; a cluster needs it',
      });
    }
    yield* checkUser(object, 'spec.template.spec', at(object.manifest, 'spec', 'template', 'spec'));
  }
  for (const object of scene.objects.list('Pod'))
    yield* checkUser(object, 'spec', at(object.manifest, 'spec'));
}

function* checkUser(object: Named, field: string, body: unknown): Generator<Conflict> {
  const containers = at(body, 'containers');
  const users: (readonly [string, unknown])[] = [
    [`${field}.securityContext.runAsUser`, at(body, 'securityContext', 'runAsUser')],
    ...(Array.isArray(containers) ? containers : []).flatMap((container: unknown, position) =>
      at(container, 'name') === 'istio-proxy'
        ? []
        : [
            [
              `${field}.containers[${position}].securityContext.runAsUser`,
              at(container, 'securityContext', 'runAsUser'),
            ] as const,
          ],
    ),
  ];
  for (const [place, user] of users) {
    if (user !== proxyUser) continue;
    yield problemAt(object, place, {
      code: 'application-user',
      message: `user ${proxyUser} is the proxy's: what this application sends is not captured`,
      remedy: 'run it as another user',
    });
  }
}

/** A value inside plain data. */
function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}
