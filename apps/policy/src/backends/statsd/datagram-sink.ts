// Datagrams over UDP. Rule: sending never waits for anybody, and a name is looked up for each datagram anew.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { DatagramSink } from '@xebec/policy';

export function openDatagramSink(address: string): DatagramSink {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(colon + 1));
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.unref();
  socket.on('error', () => undefined);
  let isClosed = false;
  return {
    send: (datagram) =>
      new Promise((sent, failed) => {
        if (isClosed) return failed(new Error('closed'));
        socket.send(datagram, port, host, (error) => (error === null ? sent() : failed(error)));
      }),
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.close();
    },
  };
}
