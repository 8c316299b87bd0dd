// A server whose health can be switched off and on (POST /healthy, /sick), for every kind of probe.
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import grpc from '@grpc/grpc-js';

const host = process.env.BIND_ADDRESS;
const healthFile = process.env.HEALTH_FILE;
let isHealthy = true;
let tcp;

const listenTcp = () => {
  tcp = createTcpServer((socket) => socket.end()).listen(8081, host);
};
function become(healthy) {
  isHealthy = healthy;
  if (healthy) {
    if (healthFile !== undefined) writeFileSync(healthFile, '');
    if (tcp === undefined) listenTcp();
    return;
  }
  if (healthFile !== undefined) rmSync(healthFile, { force: true });
  tcp?.close();
  tcp = undefined;
}

const http = createServer((request, response) => {
  if (request.method === 'POST') {
    become(request.url === '/healthy');
    return response.end('done');
  }
  if (request.url === '/ready') return response.writeHead(isHealthy ? 200 : 503).end();
  return response.end(process.env.POD_NAME);
});

const rpc = new grpc.Server();
const method = {
  path: '/grpc.health.v1.Health/Check',
  requestStream: false,
  responseStream: false,
  requestSerialize: (value) => value,
  requestDeserialize: (value) => value,
  responseSerialize: (value) => value,
  responseDeserialize: (value) => value,
};
rpc.addService(
  { Check: method },
  { Check: (_call, answer) => answer(null, Buffer.from([8, isHealthy ? 1 : 2])) },
);
rpc.bindAsync(`${host}:50051`, grpc.ServerCredentials.createInsecure(), () => undefined);

become(true);
http.listen(Number(process.env.PORT ?? 8080), host);
// Requests under way are answered before the end.
process.on('SIGTERM', () => http.close(() => process.exit(0)));
