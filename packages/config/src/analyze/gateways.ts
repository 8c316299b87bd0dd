// Gateways without a workload to serve them or without their certificates.
import type { ObjectOf } from '../kinds/kind-map.ts';
import { find, type Scene } from './scene.ts';
import { selectWorkloads } from './workloads.ts';

export function checkGateways(scene: Scene): void {
  let secrets: ReadonlyMap<string, ObjectOf<'Secret'>> | undefined;
  for (const object of scene.lookup.list('Gateway')) {
    const { selector, servers } = object.spec;
    const selected = selectWorkloads(scene.workloads, selector);
    if (selected.length === 0 && Object.keys(selector).length > 0 && scene.workloads.areRunning) {
      find(scene, object, ['spec', 'selector'], {
        code: 'selects-nothing',
        message: 'no workload has these labels: the Gateway is served by none',
        remedy: 'correct the selector, or deploy a gateway with these labels',
      });
    }
    if (!servers.some(({ tls }) => tls !== undefined)) continue;
    secrets ??= indexSecrets(scene);
    const own = [...new Set(selected.map(({ namespace }) => namespace))];
    const namespaces = own.length === 0 ? [object.metadata.namespace] : own;
    checkCredentials(scene, object, { namespaces, secrets });
  }
}

function indexSecrets(scene: Scene): ReadonlyMap<string, ObjectOf<'Secret'>> {
  const secrets = new Map<string, ObjectOf<'Secret'>>();
  for (const secret of scene.lookup.list('Secret')) {
    secrets.set(`${secret.metadata.namespace}/${secret.metadata.name}`, secret);
  }
  return secrets;
}

interface Credentials {
  readonly namespaces: readonly string[];
  readonly secrets: ReadonlyMap<string, ObjectOf<'Secret'>>;
}

function checkCredentials(
  scene: Scene,
  object: ObjectOf<'Gateway'>,
  { namespaces, secrets }: Credentials,
): void {
  for (const [index, { tls }] of object.spec.servers.entries()) {
    const written = tls?.certificates.flatMap((each) => (each.kind === 'secret' ? [each] : [])) ?? [];
    for (const namespace of namespaces) {
      for (const { name, field } of written) {
        const found = [namespace, object.metadata.namespace].flatMap(
          (place) => secrets.get(name.includes('/') ? name : `${place}/${name}`) ?? [],
        );
        if (found.some(hasPair)) continue;
        const what = found.length === 0 ? 'there is no Secret' : 'tls.crt or tls.key is missing in Secret';
        find(scene, object, ['spec', 'servers', index, 'tls', ...pathOf(field)], {
          code: found.length === 0 ? 'unknown-secret' : 'incomplete-secret',
          message: `${what} "${name}" in namespace "${namespace}", where the gateway runs`,
          remedy: `add a Secret of type kubernetes.io/tls with this name to "${namespace}"`,
        });
      }
    }
  }
}

const hasPair = ({ spec: { data } }: ObjectOf<'Secret'>): boolean =>
  (data['tls.crt'] ?? data['cert']) !== undefined && (data['tls.key'] ?? data['key']) !== undefined;

/** `credentialNames[1]` as a path. */
function pathOf(field: string): readonly (string | number)[] {
  const [, name = field, position] = /^(\w+)\[(\d+)\]$/.exec(field) ?? [];
  return position === undefined ? [name] : [name, Number(position)];
}
