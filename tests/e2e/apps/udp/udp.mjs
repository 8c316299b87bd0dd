// Echoes datagrams, says who it is when asked, and answers HTTP on the same port number with what it was told at its start.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';

const address = process.env.BIND_ADDRESS ?? '127.0.0.1';
const port = Number(process.env.PORT ?? 9001);

const datagrams = createSocket('udp4');
datagrams.on('message', (message, { address: from, port: at }) => {
  const answer = message.toString('latin1') === 'who' ? Buffer.from(process.env.POD_NAME ?? '') : message;
  datagrams.send(answer, at, from);
});
datagrams.bind(port, address);

const told = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name.startsWith('XEBEC_UDP_')),
);
createServer((_request, response) => response.end(JSON.stringify(told))).listen(port, address);
