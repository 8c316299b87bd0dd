// Asks the policy service of the state directory, over the socket that only its owner can open.
import { join } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import { problem } from '../output/diagnostics.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { requestSocket } from './socket-request.ts';

/** The socket of the policy service that keeps its own state there. */
export const policySocket = (state: string): string => join(state, 'policy', 'admin.sock');

export interface Asked {
  readonly state?: string;
  readonly path: string;
  /** Present: a POST. */
  readonly body?: unknown;
}

export async function askService(cli: Cli, { state, path, body }: Asked): Promise<Result<unknown>> {
  const socket = policySocket(stateDirectory(cli, state));
  const answer = await requestSocket({
    socket,
    path,
    ...(body === undefined ? {} : { body, method: 'POST' }),
  });
  if (answer.kind === 'unreachable') return fail(away(answer.reason));
  const read = readJson(answer.text);
  if (answer.status === 200 && read !== undefined) return succeed(read);
  const message: unknown = Reflect.get(Object(read), 'message');
  return fail(
    problem('policy-service-refused', typeof message === 'string' ? message : `answered ${answer.status}`),
  );
}

const away = (reason: string): Diagnostic =>
  problem(
    'no-policy-service',
    `no policy service of this state directory answers: ${reason}`,
    'start one (xebec policy serve), or name its directory with --state',
  );

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
