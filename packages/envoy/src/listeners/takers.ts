// Who takes shared outbound listeners: sidecars on demand or eager and, where there are any, those that also take IPv6.
import type { Demand } from '../demand.ts';
import type { Taker } from '../taker.ts';

export interface TakerOptions {
  readonly taker: Taker;
  readonly isOnDemand: boolean;
  readonly hasIpv6?: true;
}

const discoveries = ['on-demand', 'eager'] as const;

export const takersOf = (demand: Pick<Demand, 'get'>): readonly TakerOptions[] =>
  discoveries.flatMap((discovery): TakerOptions[] => {
    const isOnDemand = discovery === 'on-demand';
    const both = { taker: `${discovery}:ipv6`, isOnDemand, hasIpv6: true } as const;
    return [{ taker: discovery, isOnDemand }, ...(demand.get('ipv6') === undefined ? [] : [both])];
  });
