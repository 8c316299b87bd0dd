// A name server of a test's own: a table of addresses, short-lived answers, and an end.
import { type DnsServer, startDnsServer } from '@xebec/netfilter';

/** Answers live for five seconds; `port` 0 is any. */
export async function startNameServer(
  table: Readonly<Record<string, readonly string[]>>,
  port = 0,
): Promise<DnsServer> {
  const started = await startDnsServer({
    address: '127.0.0.1',
    port,
    resolve: async (host) => {
      const addresses = table[host];
      return addresses === undefined ? 'unknown' : { kind: 'members', addresses };
    },
    namespaceOf: () => 'default',
    upstreams: [],
  });
  if (!started.ok) throw new Error(JSON.stringify(started.diagnostics));
  return started.value;
}
