// Aliases: a Service of type ExternalName that names a service of the mesh is that service under another name.
import type { Host, Layer, Service } from '@xebec/model';
import type { Claim, ClaimKey } from './claims.ts';
import { type Holder, type HostView, holderIn, viewOf } from './hosts.ts';
import type { AnchorLookup } from './lookups.ts';
import { isVisible, sortLayers } from './visibility.ts';

type ClaimsByHost = AnchorLookup<Host, ClaimKey, Claim>;

/** An alias of an alias is followed so far; a circle ends there too, and is then a name that DNS must know. */
const longestChain = 8;

/** Who holds a host, with the services that its aliases stand for. */
export function resolveView(host: Host, claims: ClaimsByHost): HostView {
  const view = viewOf(host, claims.at(host));
  return view.holders.some(({ service }) => service.externalName !== undefined) ? follow(view, claims) : view;
}

function follow(view: HostView, claims: ClaimsByHost): HostView {
  const layers = sortLayers([
    ...view.holders.map(({ layer }) => layer),
    ...view.holders.flatMap((holder) => layersOfTarget(holder, claims)),
  ]);
  const holders = layers.flatMap((layer): readonly Holder[] => {
    const holder = holderIn(view, layer);
    return holder === undefined
      ? []
      : [{ ...holder, layer, service: resolved(holder.service, layer, claims) }];
  });
  return { ...view, holders };
}

/** Namespaces that see another service under the target's name than everybody does. */
function layersOfTarget({ layer, service }: Holder, claims: ClaimsByHost): readonly Layer[] {
  const { externalName } = service;
  if (externalName === undefined) return [];
  const { holders } = viewOf(externalName, claims.at(externalName));
  return holders.map((target) => target.layer).filter((other) => other !== '*' && isVisible([layer], other));
}

function resolved(service: Service, layer: Layer, claims: ClaimsByHost): Service {
  const { externalName } = service;
  const target = externalName === undefined ? undefined : targetOf(externalName, layer, claims);
  if (target === undefined) return service;
  return { ...service, ports: target.ports, resolution: 'alias', alias: target.host };
}

/** The service at the end of the chain of aliases, as clients of a layer see it. */
function targetOf(host: Host, layer: Layer, claims: ClaimsByHost): Service | undefined {
  let name = host;
  for (let step = 0; step < longestChain; step += 1) {
    const found = holderIn(viewOf(name, claims.at(name)), layer)?.service;
    if (found?.externalName === undefined) return found;
    name = found.externalName;
  }
  return undefined;
}
