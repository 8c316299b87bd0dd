// The admin page of a Pod's Envoy, over its socket.
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Mesh } from './mesh.ts';

export function envoyAdmin({ state }: Pick<Mesh, 'state'>, pod: string, path: string): Promise<string> {
  const elsewhere = join(state, 'run/sockets');
  const directory = existsSync(elsewhere) ? readFileSync(elsewhere, 'utf8').trim() : join(state, 'run');
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: join(directory, pod, 'admin.sock'), path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text)).on('error', reject);
    });
    call.on('error', reject).end();
  });
}
