// Addresses of options in parts.

/** `HOST:PORT`, `[IPV6]:PORT`: `host` for sockets, `shown` as it was written. */
export function hostAndPort(address: string): {
  readonly host: string;
  readonly shown: string;
  readonly port: number;
} {
  const colon = address.lastIndexOf(':');
  const shown = address.slice(0, colon);
  return { shown, host: shown.replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
