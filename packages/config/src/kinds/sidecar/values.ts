// The written forms inside a Sidecar: imports, ports, and where an application listens.
import { andThen, type Decoder, integer, quote, text } from '../../decode/decoder.ts';
import { object, optional, required } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { isIpAddress } from '../../values/address.ts';
import { hostName } from '../../values/host.ts';
import { isDnsLabel, portName } from '../../values/names.ts';
import { protocolWord } from '../../values/protocol.ts';
import type { Protocol } from '../../values/shapes.ts';
import { complainOfSocket } from '../../values/socket-path.ts';
import type { ApplicationEndpoint, SidecarImport, SidecarPort } from './spec.ts';

const name = hostName({ wildcard: true, any: true });

/** `NAMESPACE/HOST`; `~/*` is nothing, given as an empty host. */
export const hostImport: Decoder<SidecarImport> = andThen(text, (written, walk) => {
  const slash = written.indexOf('/');
  const namespace = written.slice(0, Math.max(slash, 0));
  if (slash < 0 || !(['*', '.', '~'].includes(namespace) || isDnsLabel(namespace))) {
    return refuse(walk, {
      code: 'invalid-host',
      message: `${quote(written)} does not say of which namespace the hosts are`,
      remedy: 'write NAMESPACE/HOST, ./HOST or */HOST; ~/* for no host at all',
    });
  }
  const host = name(written.slice(slash + 1), walk);
  if (host === undefined) return undefined;
  if (namespace === '~') return { namespace, host: '' };
  if (!host.includes('.') && host !== '*') warnShort(host, walk);
  return { namespace, host };
});

const warnShort = (host: string, walk: Walk): void =>
  caution(walk, {
    code: 'short-host',
    message: `${quote(host)} is compared with whole host names, and services of a cluster have longer ones`,
    remedy: `write ${host}.NAMESPACE.svc.cluster.local, or a wildcard`,
  });

/** 0 goes with a socket: there is no port then. */
export const sidecarPort = (least: 0 | 1): Decoder<SidecarPort> =>
  andThen(
    object(
      {
        number: required(integer(least, 65_535)),
        name: optional(portName),
        protocol: required(listenedProtocol),
      },
      { inert: ['targetPort'] },
    ),
    (value): SidecarPort => value,
  );

const listenedProtocol: Decoder<Protocol> = andThen(protocolWord, (protocol, walk) =>
  protocol === 'udp'
    ? refuse(walk, {
        code: 'unknown-value',
        message: 'a Sidecar has no listeners of datagrams',
        remedy: 'leave the port out: datagrams go to ports of services as without a Sidecar',
      })
    : protocol,
);

/** `127.0.0.1:PORT`, `[::1]:PORT`, `0.0.0.0:PORT`, `[::]:PORT` or `unix:///PATH`. */
export const applicationEndpoint: Decoder<ApplicationEndpoint> = andThen(text, (written, walk) => {
  if (written.startsWith('unix:///')) {
    const path = written.slice('unix://'.length);
    const complaint = complainOfSocket(path);
    return complaint === undefined ? { kind: 'socket', path } : refuse(walk, complaint);
  }
  const colon = written.lastIndexOf(':');
  const address = written.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1');
  const digits = written.slice(colon + 1);
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0;
  if (port > 0 && port <= 65_535) {
    if (address === '0.0.0.0' || address === '::') return { kind: 'own-address', port };
    if (address === '127.0.0.1' || address === '::1') return { kind: 'loopback', address, port };
  }
  return refuse(walk, {
    code: 'invalid-address',
    message: `${quote(written)} is not where an application of the workload listens`,
    remedy: 'write 127.0.0.1:PORT, 0.0.0.0:PORT for the workload’s own address, or unix:///PATH',
  });
});

/** An address to listen on. */
export const bindAddress: Decoder<string> = andThen(text, (written, walk) =>
  isIpAddress(written)
    ? written
    : refuse(walk, {
        code: 'invalid-address',
        message: `${quote(written)} is not an address to listen on`,
        remedy: written.startsWith('unix:')
          ? 'write an IP address such as 127.0.0.1: proxies of this mesh do not make socket files'
          : 'write an IP address such as 127.0.0.1',
      }),
);
