// `targetRefs`: Gateways of the Kubernetes API. What only a waypoint could serve is refused by name.
import { andThen, list, oneOf } from '../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../decode/object.ts';
import { refuse, type Walk } from '../decode/walk.ts';
import { dnsSubdomain } from '../values/names.ts';
import type { TextMap } from '../values/shapes.ts';

interface TargetWords {
  readonly groups: readonly string[];
  /** The field to write instead. */
  readonly selector: string;
}

/** One target; only of these groups. */
export const gatewayTarget = ({ groups, selector }: TargetWords) =>
  object({
    group: withDefault(oneOf(...groups), ''),
    kind: required(
      andThen(oneOf('Gateway', 'Service', 'ServiceEntry', 'GatewayClass'), (kind, walk) => {
        if (kind === 'Gateway') return kind;
        const message = `a ${kind} has no proxy of its own here: there are no waypoints`;
        const remedy = `write a ${selector} with the labels of its workloads`;
        return refuse(walk, { code: 'not-yet-supported', message, remedy });
      }),
    ),
    name: required(dnsSubdomain),
    namespace: optional(dnsSubdomain),
  });

const groups = ['', 'core', 'gateway.networking.k8s.io', 'networking.istio.io'];
const target = gatewayTarget({ groups, selector: 'selector' });

export const policyTargets = {
  targetRef: optional(target),
  targetRefs: withDefault(list(target, { most: 16 }), []),
};

interface Targeting extends Decoded<typeof policyTargets> {
  readonly selector?: TextMap;
}

/** Names of Gateways, none where a selector says it. Undefined: refused. */
export function targetGatewaysOf(
  value: Targeting,
  walk: Walk,
  what: 'policy' | 'extension' = 'policy',
): readonly string[] | undefined {
  const { selector, targetRef, targetRefs } = value;
  const targets = targetRef === undefined ? targetRefs : [targetRef, ...targetRefs];
  const field = targetRef === undefined ? 'targetRefs' : 'targetRef';
  if (selector !== undefined && targets.length > 0) {
    const message = `selector and ${field} exclude each other`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, field);
  }
  const isHome = targets.every(
    ({ namespace }) => namespace === undefined || namespace === walk.metadata.namespace,
  );
  if (isHome) return targets.map(({ name }) => name);
  const message = `a target must be in the namespace of the ${what}`;
  return refuse(walk, { code: 'cross-namespace', message, remedy: `move the ${what} there` }, field);
}
