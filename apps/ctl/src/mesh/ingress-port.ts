// Where to knock first: a plaintext HTTP port that some Gateway opens on a gateway of this machine.
import { hostPortsAnnotation } from '@xebec/agent';
import { at, isObject, type JsonObject, numberOf, objectOf, objectsOf, textOf } from '../admin/json.ts';

interface Candidate {
  readonly port: number;
  readonly boundPort: number;
  readonly isIngress: boolean;
}

const httpProtocols = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB'];

/** Port 80 of the ingress gateway if there is one; undefined when no Gateway opens a port for HTTP. */
export function ingressPortOf(
  gateways: readonly JsonObject[],
  pods: readonly JsonObject[],
): number | undefined {
  const candidates = gateways.flatMap((gateway) =>
    pods
      .filter((pod) => isSelected(gateway, pod))
      .flatMap((pod) => portsOf(gateway).flatMap((port) => candidateOf(pod, port))),
  );
  const [first] = candidates.sort((left, right) => rankOf(left) - rankOf(right));
  return first?.boundPort;
}

const rankOf = ({ port, isIngress }: Candidate): number => Number(port !== 80) + 2 * Number(!isIngress);

function isSelected(gateway: JsonObject, pod: JsonObject): boolean {
  const labels = objectOf(at(pod, 'metadata', 'labels'));
  const selector = Object.entries(objectOf(at(gateway, 'spec', 'selector')));
  return selector.every(([key, value]) => labels[key] === value);
}

const portsOf = (gateway: JsonObject): readonly number[] =>
  objectsOf(at(gateway, 'spec', 'servers'))
    .filter((server) => httpProtocols.includes(textOf(at(server, 'port', 'protocol'))))
    .flatMap((server) => numberOf(at(server, 'port', 'number')) ?? []);

function candidateOf(pod: JsonObject, port: number): readonly Candidate[] {
  const boundPort = hostPortsOf(pod)[port];
  if (boundPort === undefined) return [];
  return [{ port, boundPort, isIngress: at(pod, 'metadata', 'labels', 'istio') === 'ingressgateway' }];
}

function hostPortsOf(pod: JsonObject): Readonly<Record<string, number>> {
  const text = textOf(at(pod, 'metadata', 'annotations', hostPortsAnnotation));
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text);
    const entries = isObject(value) ? Object.entries(value) : [];
    return Object.fromEntries(
      entries.flatMap(([port, bound]) => (typeof bound === 'number' ? [[port, bound]] : [])),
    );
  } catch {
    return {};
  }
}
