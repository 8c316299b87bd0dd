// Which workloads an extension is for, and where in their chains: what WasmPlugin and TrafficExtension have in common.
import { andThen, integer, list, oneOf } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { dnsSubdomain } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import type { ExtensionSpec, TrafficSelector } from './spec.ts';

const target = object({
  group: withDefault(oneOf('', 'core', 'gateway.networking.k8s.io', 'networking.istio.io'), ''),
  kind: required(
    andThen(oneOf('Gateway', 'Service', 'ServiceEntry', 'GatewayClass'), (kind, walk) => {
      if (kind === 'Gateway') return kind;
      const message = `a ${kind} has no proxy of its own here: there are no waypoints`;
      const remedy = 'write a selector with the labels of its workloads';
      return refuse(walk, { code: 'not-yet-supported', message, remedy });
    }),
  ),
  name: required(dnsSubdomain),
  namespace: optional(dnsSubdomain),
});

const selectorPorts = andThen(list(object({ number: required(port) }), { most: 100 }), (ports) => [
  ...new Set(ports.map(({ number }) => number)),
]);

const trafficSelector = andThen(
  object({
    mode: withDefault(oneOf('UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER'), 'UNDEFINED'),
    ports: withDefault<readonly number[]>(selectorPorts, []),
  }),
  ({ mode, ports }): TrafficSelector => ({ mode: mode === 'UNDEFINED' ? 'CLIENT_AND_SERVER' : mode, ports }),
);

/** All fields but the filter's own and the phase, whose words differ. */
export const placementShape = {
  selector: optional(workloadSelector),
  targetRef: optional(target),
  targetRefs: withDefault(list(target, { most: 16 }), []),
  priority: withDefault(integer(-0x8000_0000, 0x7fff_ffff), 0),
  match: withDefault<readonly TrafficSelector[]>(list(trafficSelector, { most: 100 }), []),
};

type Placement = Pick<ExtensionSpec, 'selector' | 'targetGateways' | 'priority' | 'match'>;

export function placementOf(value: Decoded<typeof placementShape>, walk: Walk): Placement | undefined {
  const { selector, targetRef, targetRefs, priority, match } = value;
  const targets = targetRef === undefined ? targetRefs : [targetRef, ...targetRefs];
  const field = targetRef === undefined ? 'targetRefs' : 'targetRef';
  if (selector !== undefined && targets.length > 0) {
    const message = `selector and ${field} exclude each other`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, field);
  }
  const isHome = targets.every(
    ({ namespace }) => namespace === undefined || namespace === walk.metadata.namespace,
  );
  if (!isHome) {
    const message = 'a target must be in the namespace of the extension';
    return refuse(walk, { code: 'cross-namespace', message, remedy: 'move the extension there' }, field);
  }
  return {
    ...(selector === undefined ? {} : { selector }),
    targetGateways: targets.map(({ name }) => name),
    priority,
    match,
  };
}
