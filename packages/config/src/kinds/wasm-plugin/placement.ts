// Which workloads an extension is for, and where in their chains: what WasmPlugin and TrafficExtension have in common.
import { andThen, integer, list, oneOf } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import type { Walk } from '../../decode/walk.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { port } from '../../values/numbers.ts';
import { policyTargets, targetGatewaysOf } from '../policy-targets.ts';
import type { ExtensionSpec, TrafficSelector } from './spec.ts';

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
  ...policyTargets,
  priority: withDefault(integer(-0x8000_0000, 0x7fff_ffff), 0),
  match: withDefault<readonly TrafficSelector[]>(list(trafficSelector, { most: 100 }), []),
};

type Placement = Pick<ExtensionSpec, 'selector' | 'targetGateways' | 'priority' | 'match'>;

export function placementOf(value: Decoded<typeof placementShape>, walk: Walk): Placement | undefined {
  const { selector, priority, match } = value;
  const targetGateways = targetGatewaysOf(value, walk, 'extension');
  if (targetGateways === undefined) return undefined;
  return { ...(selector === undefined ? {} : { selector }), targetGateways, priority, match };
}
