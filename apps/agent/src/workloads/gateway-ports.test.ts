// Ports of gateways: as asked where free, the next free one otherwise, never one twice.
import { expect, test } from 'vitest';
import { chooseGatewayPorts } from './gateway-ports.ts';

const port = (name: string, number: number, hostPort: number) => ({ name, port: number, hostPort });
const except =
  (...taken: readonly number[]) =>
  async (_address: string, candidate: number) =>
    ({ kind: taken.includes(candidate) ? 'taken' : 'free' }) as const;

test('a taken port is passed over, and so is one that was just given', async () => {
  const ports = [port('http', 80, 8080), port('https', 443, 8081)];
  expect(await chooseGatewayPorts(ports, except())).toMatchObject({
    value: [{ boundPort: 8080 }, { boundPort: 8081 }],
  });
  expect(await chooseGatewayPorts(ports, except(8080))).toMatchObject({
    value: [{ boundPort: 8081 }, { boundPort: 8082 }],
  });
});

test('with no free port there is a failure that says what to do', async () => {
  const none = async () => ({ kind: 'taken' }) as const;
  expect(await chooseGatewayPorts([port('http', 80, 65_530)], none)).toMatchObject({
    ok: false,
    diagnostics: [{ code: 'no-free-port', remedy: expect.stringContaining('hostPort') }],
  });
});
