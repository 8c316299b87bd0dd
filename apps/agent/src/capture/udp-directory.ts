// UDP services that an application of explicit capture can reach, told to it as environment variables.
import { parseJson } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { requestUnix } from '../control/unix-http.ts';

/** One UDP port of a service, and the port of the sidecar's own address that stands for it. */
export interface UdpDestination {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  readonly explicitPort: number;
}

export type ListUdpDestinations = (namespace: string) => Promise<readonly UdpDestination[]>;

const timeoutMs = 2_000;

/** None while the control plane does not answer. */
export function createUdpDirectory(controlSocket: string): ListUdpDestinations {
  return async (namespace) => {
    try {
      const query = new URLSearchParams({ namespace }).toString();
      const path = `/v1/udp?${query}`;
      const { body } = await requestUnix({ socketPath: controlSocket, method: 'GET', path, timeoutMs });
      const answer = parseJson(body);
      const items: unknown = isRecord(answer) ? answer['items'] : undefined;
      return Array.isArray(items) ? items.flatMap(destinationOf) : [];
    } catch {
      return [];
    }
  };
}

function destinationOf(item: unknown): readonly UdpDestination[] {
  if (!isRecord(item)) return [];
  const { name, namespace, port, explicitPort } = item;
  const isWhole =
    typeof name === 'string' &&
    typeof namespace === 'string' &&
    typeof port === 'number' &&
    typeof explicitPort === 'number';
  return isWhole ? [{ name, namespace, port, explicitPort }] : [];
}

/**
 * `XEBEC_UDP_NAME_PORT` is `ADDRESS:PORT`, with the namespace after the name for services of other ones;
 * `XEBEC_UDP_NAME` is the lowest port of the service.
 */
export function udpEnvironment(
  destinations: readonly UdpDestination[],
  { address, namespace }: { readonly address: string; readonly namespace: string },
): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const destination of [...destinations].sort((left, right) => left.port - right.port)) {
    const place = `${address}:${destination.explicitPort}`;
    const name = variableName(destination, namespace);
    environment[name] ??= place;
    environment[`${name}_${destination.port}`] ??= place;
  }
  return environment;
}

function variableName({ name, namespace }: UdpDestination, own: string): string {
  const whole = namespace === own ? name : `${name}_${namespace}`;
  return `XEBEC_UDP_${whole.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}
