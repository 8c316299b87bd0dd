// Where a gateway's ports are bound on this machine: as asked, or at the next free port when that one is taken.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { type BindOutcome, tryBind } from '../capture/loopback-addresses.ts';
import { refuse } from '../problem.ts';
import type { LocalGatewayPort } from './local-images.ts';

/** Gateways are for this machine only: nobody else can reach them. */
export const gatewayAddress = '127.0.0.1';

const mostAttempts = 100;

export interface BoundPort extends LocalGatewayPort {
  /** Where it really listens. */
  readonly boundPort: number;
}

export type TryBind = (address: string, port: number) => Promise<BindOutcome>;

/** A port for each, no two the same. */
export async function chooseGatewayPorts(
  ports: readonly LocalGatewayPort[],
  look: TryBind = tryBind,
): Promise<Result<readonly BoundPort[]>> {
  const bound: BoundPort[] = [];
  for (const port of ports) {
    const isGiven = (candidate: number): boolean => bound.some(({ boundPort }) => boundPort === candidate);
    const boundPort = await firstFree(port.hostPort, isGiven, look);
    if (boundPort === undefined) return noPort(port);
    bound.push({ ...port, boundPort });
  }
  return succeed(bound);
}

async function firstFree(
  wanted: number,
  isGiven: (port: number) => boolean,
  look: TryBind,
): Promise<number | undefined> {
  for (let port = wanted; port < Math.min(65_536, wanted + mostAttempts); port += 1) {
    if (!isGiven(port) && (await look(gatewayAddress, port)).kind === 'free') return port;
  }
  return undefined;
}

const noPort = ({ name, hostPort }: LocalGatewayPort): Result<never> =>
  refuse({
    code: 'no-free-port',
    message: `gateway port ${name}: none of ${mostAttempts} ports from ${hostPort} on can be bound on ${gatewayAddress}`,
    remedy: 'choose another hostPort (ports below 1024 need privileges)',
  });
