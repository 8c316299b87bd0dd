// Which traffic passes an extension, by the side of the proxy on which it stands.
import type { ExtensionSpec, TrafficSelector } from './spec.ts';

const everything: readonly TrafficSelector[] = [{ mode: 'CLIENT_AND_SERVER', ports: [] }];

/** Conditions of which one must hold; none when nothing passes. Gateways are clients. */
export function trafficOf(
  { match }: Pick<ExtensionSpec, 'match'>,
  side: 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY',
): readonly TrafficSelector[] {
  const otherMode = side === 'SIDECAR_INBOUND' ? 'CLIENT' : 'SERVER';
  return (match.length === 0 ? everything : match).filter(({ mode }) => mode !== otherMode);
}
