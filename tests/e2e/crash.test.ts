// A control plane that is killed while it takes changes: what is on disk is the state before or after, never between.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { admin, at, listAt, textAt } from './support/mesh.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-crash-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

const kills = 8;

/** Two objects that carry the same number: one transaction. */
const pair = (number: number): string =>
  ['left', 'right']
    .map(
      (name) =>
        `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  hosts: [${name}.example.com]\n  http:\n  - directResponse: {status: 200, body: {string: "${number}"}}\n`,
    )
    .join('---\n');

/** True once the control plane has confirmed; false when it died first. */
function applyPair(number: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(
      {
        socketPath: join(state, 'run/control.sock'),
        path: '/v1/apply',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode === 200)).on('error', () => resolve(false));
      },
    );
    call.on('error', () => resolve(false));
    call.end(JSON.stringify({ documents: [{ file: '-', text: pair(number) }] }));
  });
}

const written = async (name: string): Promise<number> => {
  const [object] = listAt(await admin(state, `/v1/objects?kind=VirtualService&name=${name}`), 'items');
  return Number(textAt(object, 'spec', 'http', 0, 'directResponse', 'body', 'string') ?? 0);
};

const revisions = async (): Promise<readonly number[]> =>
  listAt(await admin(state, '/v1/history?limit=100000'), 'items').map((item) => Number(at(item, 'number')));

describe('[MG-4] [MG-1] kill -9 while changes are taken', () => {
  it('leaves each transaction whole or absent, and forgets none that was confirmed', async () => {
    let number = 0;
    let confirmed = 0;
    const open = (): Promise<ControlPlaneProcess> => startControlPlane(['--state', state]);
    for (let kill = 0; kill < kills; kill++) {
      const controlPlane = await open();
      const [left, right] = [await written('left'), await written('right')];
      expect(left).toBe(right);
      expect(left).toBeGreaterThanOrEqual(confirmed);
      expect(left).toBeLessThanOrEqual(number);
      const end = number + 5 + kill * 7;
      let death: Promise<void> | undefined;
      for (let isAlive = true; isAlive; ) {
        // The kill is sent while a change is under way, each time at another one.
        const answer = applyPair(++number);
        if (number >= end) death ??= controlPlane.kill('SIGKILL');
        isAlive = await answer;
        if (isAlive) confirmed = number;
      }
      await death;
    }
    await using _last = await open();
    expect(await written('left')).toBe(await written('right'));
    expect(await written('left')).toBeGreaterThanOrEqual(confirmed);
    const numbers = await revisions();
    expect(numbers).toEqual(numbers.map((_, i) => numbers.length - i));
    expect(confirmed).toBeGreaterThan(50);
  });
});
