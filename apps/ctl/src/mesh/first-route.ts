// The path to open first: that of the first route that some gateway serves.
import type { ControlPlane } from '../admin/control-plane.ts';
import { at, type JsonObject, objectsOf, textOf, textsOf } from '../admin/json.ts';

export async function firstRoutePath(controlPlane: ControlPlane): Promise<string> {
  const answer = await controlPlane.get('/v1/objects?kind=VirtualService');
  const services = answer.ok ? objectsOf(at(answer.value, 'items')) : [];
  for (const service of services.filter(isOfGateway)) {
    for (const route of objectsOf(at(service, 'spec', 'http'))) {
      const path = pathOf(route);
      if (path !== undefined) return path;
    }
  }
  return '/';
}

const isOfGateway = (service: JsonObject): boolean =>
  textsOf(at(service, 'spec', 'gateways')).some((gateway) => gateway !== 'mesh');

function pathOf(route: JsonObject): string | undefined {
  const matches = objectsOf(route['match']);
  if (matches.length === 0) return '/';
  const [uri] = matches.map(
    (match) => textOf(at(match, 'uri', 'exact')) || textOf(at(match, 'uri', 'prefix')),
  );
  return uri === undefined || uri === '' ? undefined : uri;
}
