// Gateways as endpoints of a Service: where their ports are really bound, and the identity they show when asked to.
import { expect, test } from 'vitest';
import { createMesh } from './testing/mesh-fixture.ts';
import { pod, service, servicePort } from './testing/objects.ts';

test('[DP-19] a gateway is reached where its port was bound; mutual TLS is not assumed, its identity is known', () => {
  const { mesh, put } = createMesh();
  const annotations = {
    'inject.istio.io/templates': 'gateway',
    'local.xebec.io/ports': '{"80":8080,"443":8443}',
  };
  put(
    pod('edge/gw-1', { app: 'gw' }, { annotations }),
    service('edge/gw', { selector: { app: 'gw' }, ports: [servicePort(80, 'http')] }),
  );
  const endpoints = [...mesh.endpointSets.entries()].flatMap(([, set]) => set.endpoints);
  expect(endpoints.map(({ port, tls, identity }) => ({ port, tls, identity }))).toEqual([
    { port: 8080, tls: 'disabled', identity: 'spiffe://cluster.local/ns/edge/sa/default' },
  ]);
});
