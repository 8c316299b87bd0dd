// What to capture of one workload's traffic, as data: no back-end and no kernel shows here.

/** Where DNS queries of the workload go instead. */
export interface DnsCapture {
  /** The resolver, at most one per family; queries of a family without one pass untouched. */
  readonly addresses: readonly string[];
  /** For every program but the proxy. */
  readonly port: number;
  /** For the proxy, which needs the real addresses of external hosts; left out: its queries pass untouched. */
  readonly proxyPort?: number;
}

/**
 * How inbound connections reach the proxy. `REDIRECT`: the destination is translated. `TPROXY`: the packets stay as they
 * are, so that the proxy can speak to the application from the client's own address. `NONE`: neither inbound nor
 * outbound traffic is captured.
 */
export type Interception = 'REDIRECT' | 'TPROXY' | 'NONE';

/** Capture of one workload's traffic, with the meaning of Istio's settings of the same names. */
export interface CaptureRules {
  readonly interception: Interception;
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** Programs of this user and group are the proxy: their traffic is not captured again. */
  readonly proxyUid: number;
  readonly proxyGid: number;
  readonly includeInboundPorts: '*' | readonly number[];
  readonly excludeInboundPorts: readonly number[];
  /** Sources whose connections reach the application directly (probes of the node's agent). */
  readonly excludeInboundSources: readonly string[];
  readonly includeOutboundCidrs: '*' | readonly string[];
  readonly excludeOutboundCidrs: readonly string[];
  /** Captured whatever their destination address is. */
  readonly includeOutboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  readonly excludeOutboundUids: readonly number[];
  readonly excludeOutboundGids: readonly number[];
  /** Traffic that comes in or goes out by these network interfaces is left alone, DNS too. */
  readonly excludeInterfaces: readonly string[];
  /** What comes in by these (from a virtual machine) is on its way out: it is captured as outbound, never as inbound. */
  readonly rerouteInterfaces: readonly string[];
  readonly dnsCapture?: DnsCapture;
  /**
   * Blocks of addresses of services. They are the workload's own (`local` in its network), so that its proxy can take
   * their datagrams by listening at them, at port numbers that applications do not use; connections to them are
   * captured like any other. Of a family that is missing, datagrams that applications send are not captured.
   */
  readonly serviceNetworks: readonly string[];
  /**
   * Where the proxy takes datagrams that others send to the workload, at most one per family: addresses of no other
   * use, which are the workload's own, too. Of a family that is missing they are not captured.
   */
  readonly inboundUdpAddresses: readonly string[];
}

/** The blocks that services have their addresses of; reserved, so that nobody else is reached by one. */
export const serviceNetworks = { ipv4: '240.0.0.0/4', ipv6: '2001:2::/48' } as const;

/** The user and group that proxies run as. */
export const proxyUid = 1337;

/** The mark of packets that belong to the proxy under TPROXY, and the routing table that keeps them on this machine. */
export const proxyMark = 1337;
export const proxyTable = 133;

/** Istio's defaults: everything but the proxy's own ports. */
export const defaultRules: CaptureRules = {
  interception: 'REDIRECT',
  outboundPort: 15001,
  inboundPort: 15006,
  proxyUid,
  proxyGid: proxyUid,
  includeInboundPorts: '*',
  excludeInboundPorts: [15000, 15020, 15021, 15090],
  excludeInboundSources: [],
  includeOutboundCidrs: '*',
  excludeOutboundCidrs: [],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
  excludeOutboundUids: [],
  excludeOutboundGids: [],
  excludeInterfaces: [],
  rerouteInterfaces: [],
  serviceNetworks: Object.values(serviceNetworks),
  inboundUdpAddresses: ['255.0.0.6', '::6'],
};

export type Family = 'ipv4' | 'ipv6';
