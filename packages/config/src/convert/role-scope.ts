// Where roles were enforced: there nobody may do anything that no role allows. What was open stays open.
import type { RbacConfig } from './role-kinds.ts';
import { allowPolicy, type RoleTarget, targetsOfService } from './role-targets.ts';
import type { Conversion, Doubt, Manifest, Source, Sources } from './sources.ts';

/** Objects of the whole mesh live here. */
const rootNamespace = 'istio-system';

export interface RoleScope extends Conversion {
  /** Whether roles for this are enforced; otherwise they are only tried. */
  isEnforced(target: RoleTarget): boolean;
  /** It is for all services of a namespace, and roles are enforced for some of them. */
  isPartly(target: RoleTarget): boolean;
}

export function scopeOf(sources: Sources): RoleScope {
  const [config] = sources.rbacConfigs;
  if (config === undefined)
    return { manifests: [], doubts: [], isEnforced: () => true, isPartly: () => false };
  const { mode } = config.spec;
  const doubts: Doubt[] = [];
  if (mode === 'OFF') return { manifests: [], doubts, isEnforced: () => false, isPartly: () => false };
  const isTried = isPermissive(config);
  const closed = mode === 'ON_WITH_INCLUSION' ? targetsIn(config, 'inclusion', { sources, doubts }) : [];
  const open = mode === 'ON_WITH_EXCLUSION' ? targetsIn(config, 'exclusion', { sources, doubts }) : [];
  const whole = mode === 'ON_WITH_INCLUSION' ? [] : wholeMesh(config, { isTried, doubts });
  return {
    manifests: [
      ...whole,
      ...closed.map((one) => allowPolicy(`rbac-${one.name}`, one, { rules: undefined, isTried })),
      ...open.map((one) => allowPolicy(`no-rbac-${one.name}`, one, { rules: [openRule(one)], isTried })),
    ],
    doubts,
    isEnforced: (target) =>
      !isTried && (mode !== 'ON_WITH_INCLUSION' || closed.some((one) => isWithin(target, one))),
    isPartly: ({ namespace, service }) =>
      service === undefined &&
      closed.some((one) => one.namespace === namespace) &&
      !closed.some((one) => one.namespace === namespace && one.service === undefined),
  };
}

const isPermissive = ({ spec }: Source<RbacConfig>): boolean =>
  spec.enforcement_mode === 'PERMISSIVE' || spec.enforcementMode === 'PERMISSIVE';

const openRule = ({ ports }: RoleTarget): Manifest =>
  ports.length === 0 ? {} : { to: [{ operation: { ports } }] };

/** The same workloads, or all of the namespace. */
const isWithin = (target: RoleTarget, one: RoleTarget): boolean =>
  target.namespace === one.namespace &&
  (one.selector === undefined || (target.service !== undefined && target.service === one.service));

/** Gateways had no roles, and have policies today. */
function wholeMesh(
  config: Source<RbacConfig>,
  { isTried, doubts }: { readonly isTried: boolean; readonly doubts: Doubt[] },
): readonly Manifest[] {
  doubts.push({
    source: config,
    severity: 'warning',
    path: ['spec', 'mode'],
    message:
      'roles were not enforced at gateways, and policies of the whole mesh are: those with the label istio: ingressgateway stay open',
    remedy: 'add a policy with rules: [{}] for every other gateway',
  });
  const root = { namespace: rootNamespace, ports: [], service: undefined };
  const gateways = { ...root, name: 'gateways', selector: { istio: 'ingressgateway' } };
  return [
    allowPolicy('rbac', { ...root, name: 'all', selector: undefined }, { rules: undefined, isTried }),
    allowPolicy('no-rbac-gateways', gateways, { rules: [{}], isTried }),
  ];
}

function targetsIn(
  config: Source<RbacConfig>,
  field: 'inclusion' | 'exclusion',
  { sources, doubts }: { readonly sources: Sources; readonly doubts: Doubt[] },
): readonly RoleTarget[] {
  const { services = [], namespaces = [] } = config.spec[field] ?? {};
  const wide = namespaces.map(
    (namespace): RoleTarget => ({
      name: 'all',
      namespace,
      selector: undefined,
      ports: [],
      service: undefined,
    }),
  );
  const narrow = services.flatMap((service, index) =>
    targetsOfService(service, service.split('.')[1] ?? config.metadata.namespace, {
      sources,
      doubts,
      source: config,
      path: ['spec', field, 'services', index],
    }),
  );
  return [...wide, ...narrow];
}
