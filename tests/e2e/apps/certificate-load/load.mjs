// Asks for certificates, many at once, from a process of its own: what it costs to ask is not felt by who measures. One JSON document in, one out.
import grpc from '@grpc/grpc-js';

const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
const asIs = (bytes) => bytes;

let text = '';
for await (const part of process.stdin.setEncoding('utf8')) text += part;
const { address, roots, bodies, tokens, atOnce } = JSON.parse(text);
const requests = bodies.map((body) => Buffer.from(body, 'base64'));
const client = new grpc.Client(address, grpc.credentials.createSsl(Buffer.from(roots)), {
  'grpc.ssl_target_name_override': 'localhost',
  'grpc.default_authority': 'localhost',
});

function ask(body, token) {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const options = { deadline: Date.now() + 60_000 };
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, body, metadata, options, (error) => resolve(error?.code ?? 0));
  });
}

const codes = {};
const took = [];
let next = 0;
async function work() {
  for (let at = next++; at < tokens.length; at = next++) {
    const beganAt = performance.now();
    const code = await ask(requests[at % requests.length], tokens[at]);
    took.push(performance.now() - beganAt);
    codes[code] = (codes[code] ?? 0) + 1;
  }
}

await new Promise((resolve, reject) =>
  client.waitForReady(Date.now() + 20_000, (error) => (error ? reject(error) : resolve())),
);
const beganAt = performance.now();
await Promise.all(Array.from({ length: atOnce }, work));
const seconds = (performance.now() - beganAt) / 1_000;
took.sort((a, b) => a - b);
const perSecond = tokens.length / seconds;
const { user, system } = process.cpuUsage();
const p99Ms = took[Math.floor(took.length * 0.99)];
process.stdout.write(JSON.stringify({ perSecond, p99Ms, codes, cpuMs: (user + system) / 1_000 }));
client.close();
