// By what the policy service knows that a proxy itself is calling. The rule: only the cluster that proxies keep for their own calls offers it in TLS; requests of applications leave by other clusters, with the same certificate.

/** ALPN of connections that carry calls of proxies, in HTTP/2. */
export const proxyProtocol = 'xebec-proxy';
