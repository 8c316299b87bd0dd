// References to nothing are found where they are written; what is complete has no findings.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { objectSet, samplesFolder, shortFinding } from '../testing/object-set.ts';
import { analyze } from './analyze.ts';

const find = (text: string): string[] => analyze(objectSet(text)).map(shortFinding);
const messages = (text: string): string[] =>
  analyze(objectSet(text)).map(({ message, remedy }) => `${message}; ${remedy}`);

const base = `
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {ports: [{name: a, port: 1}, {name: b, port: 2}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec:
  selector: {matchLabels: {app: reviews}}
  template:
    metadata: {labels: {app: reviews, version: v1}}
    spec: {containers: [{name: a, image: a, ports: [{name: web, containerPort: 9080}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild}
spec: {hosts: ["*.example.com"], ports: [{number: 443, name: tls, protocol: TLS}]}
---
`;

test('the samples have no findings', () => {
  const folder = join(samplesFolder, 'bookinfo');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const mesh = [read('bookinfo.yaml'), read('gateway.yaml'), read('routing/destination-rule-all.yaml')];
  for (const file of readdirSync(join(folder, 'routing'))) {
    const routing = file === 'destination-rule-all.yaml' ? [] : [read(`routing/${file}`)];
    expect(find([...mesh, ...routing].join('\n---\n'))).toEqual([]);
  }
});

test('VirtualServices', () => {
  const virtualService = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: [reviews]
  gateways: [mesh, edge]
  http:
    - route:
        - destination: {host: reviws}
          weight: 1
        - destination: {host: reviews, subset: v1}
          weight: 1
        - destination: {host: reviews, port: {number: 80}}
          weight: 1
        - destination: {host: two}
          weight: 1
        - destination: {host: www.example.com}
          weight: 1
        - destination: {host: reviews.default.svc.cluster.local}
          weight: 1
      mirror: {host: nobody.other.svc.cluster.local}
`;
  expect(find(base + virtualService)).toEqual([
    `${lineOf('gateways: [mesh', 20)} unknown-gateway spec.gateways[1]`,
    `${lineOf('reviws', 25)} unknown-host spec.http[0].route[0].destination.host`,
    `${lineOf('subset: v1}', 40)} unknown-subset spec.http[0].route[1].destination.subset`,
    `${lineOf('number: 80', 40)} unknown-port spec.http[0].route[2].destination.port`,
    `${lineOf('host: two', 11)} port-not-chosen spec.http[0].route[3].destination`,
    `${lineOf('nobody', 16)} unknown-host spec.http[0].mirror.host`,
  ]);
  expect(messages(base + virtualService)[1]).toContain('did you mean "reviews"?');

  function lineOf(text: string, column: number): string {
    const lines = (base + virtualService).split('\n');
    return `${lines.findIndex((line) => line.includes(text)) + 1}:${column}`;
  }
});

test('subsets may come from any DestinationRule that covers the host', () => {
  const rules = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: wide}
spec: {host: "*.default.svc.cluster.local", subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}}]}]}
`;
  expect(find(base + rules)).toEqual([]);
});

test('DestinationRules', () => {
  const rules = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec:
  host: reviews
  subsets:
    - {name: v1, labels: {version: v1}}
    - name: v9
      labels: {version: v9}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: b}
spec: {host: nobody}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: c}
spec: {host: "*.nobody"}
`;
  const found = find(base + rules).map((line) => line.replace(/^\S+ /, ''));
  expect(found).toEqual([
    'selects-nothing spec.subsets[1].labels',
    'unknown-host spec.host',
    'unknown-host spec.host',
  ]);
});

test('Gateways, their certificates and their hosts', () => {
  const gateway = (running: string): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: edge}
spec:
  selector: {app: edge}
  servers:
    - {port: {number: 443, name: https, protocol: HTTPS}, hosts: ["shop/*.shop.example"], tls: {mode: SIMPLE, credentialName: cert}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: shop}
spec: {hosts: [a.shop.example, other.example], gateways: [edge/edge], http: [{redirect: {uri: /a}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: thief}
spec: {hosts: [a.shop.example], gateways: [edge/edge], http: [{redirect: {uri: /a}}]}
${running}`;
  const pod = `---
apiVersion: v1
kind: Pod
metadata: {name: edge-1, namespace: run, labels: {app: edge}}
spec: {containers: [{name: a, image: a}]}
`;
  const hosts = ['host-not-in-gateway spec.hosts[1]', 'host-not-in-gateway spec.hosts[0]'];
  const codes = (text: string): string[] => find(text).map((line) => line.replace(/^\S+ /, ''));
  expect(codes(gateway(''))).toEqual([...hosts, 'unknown-secret spec.servers[0].tls.credentialName']);
  expect(codes(gateway(pod.replace('app: edge', 'app: other')))).toContain('selects-nothing spec.selector');
  const opaque = `${pod}---\napiVersion: v1\nkind: Secret\nmetadata: {name: cert, namespace: run}\nstringData: {tls.crt: a}\n`;
  expect(codes(gateway(opaque))).toEqual([...hosts, 'incomplete-secret spec.servers[0].tls.credentialName']);
  const complete = opaque.replace('tls.crt: a', 'tls.crt: a, tls.key: b');
  expect(codes(gateway(complete))).toEqual(hosts);
});

test('selectors, named ports, slices and service accounts', () => {
  const text = `
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: named}
spec: {selector: {app: reviews}, ports: [{port: 80, targetPort: grpc}]}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: elsewhere}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: a}
spec: {selector: {matchLabels: {app: reviws}}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: vm}
spec: {hosts: [vm.example], resolution: STATIC, ports: [{number: 80, name: http}], workloadSelector: {labels: {app: vm}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: x, labels: {kubernetes.io/service-name: missing}}
addressType: IPv4
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b}
spec:
  selector: {matchLabels: {app: b}}
  template: {metadata: {labels: {app: b}}, spec: {serviceAccountName: missing, containers: [{name: a, image: a}]}}
`;
  expect(find(base + text).map((line) => line.replace(/^\S+ /, ''))).toEqual([
    'selects-nothing spec.selector',
    'unknown-port spec.ports[0].targetPort',
    'selects-nothing spec.workloadSelector',
    'selects-nothing spec.selector',
    'unknown-service metadata.labels["kubernetes.io/service-name"]',
    'unknown-service-account spec.template.spec.serviceAccountName',
  ]);
});
