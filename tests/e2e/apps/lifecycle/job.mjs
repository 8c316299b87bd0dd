// Calls a service from its very first moment on, as often as it is told, and ends with a code that says how it went.
import { appendFileSync } from 'node:fs';
import { request } from 'node:http';

const proxy = new URL(process.env.http_proxy);
const call = () =>
  new Promise((resolve) => {
    const outgoing = request(
      {
        host: proxy.hostname,
        port: proxy.port,
        path: 'http://probe-http:8080/',
        headers: { host: 'probe-http:8080' },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      },
    );
    outgoing.on('error', () => resolve(0)).end();
  });

const statuses = [];
for (let i = 0; i < Number(process.env.CALLS); i++) statuses.push(await call());
const failures = statuses.filter((status) => status !== 200).length;
const line = { step: process.env.STEP, pod: process.env.POD_NAME, calls: statuses.length, failures };
if (process.env.RESULTS !== undefined) appendFileSync(process.env.RESULTS, `${JSON.stringify(line)}\n`);
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exit(failures === 0 ? Number(process.env.EXIT_CODE ?? 0) : 1);
