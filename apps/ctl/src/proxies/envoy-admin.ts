// Asks an Envoy about itself over its admin socket; private keys never get past here.
import { workloadSockets } from '@xebec/agent';
import { fail, type Result, succeed } from '@xebec/std';
import { isObject } from '../admin/json.ts';
import { requestSocket } from '../admin/socket-request.ts';
import { problem } from '../output/diagnostics.ts';

const secretFields = new Set(['private_key', 'private_key_provider', 'password', 'session_ticket_keys']);
const hidden = '[redacted]';

/** JSON of an admin page, with everything secret replaced. */
export async function askEnvoy(state: string, pod: string, path: string): Promise<Result<unknown>> {
  const { admin } = workloadSockets(state, pod);
  const answer = await requestSocket({ socket: admin, path });
  if (answer.kind === 'unreachable') {
    const remedy = `see its log: xebec logs ${pod} --envoy`;
    return fail(
      problem('envoy-unreachable', `the Envoy of ${pod} does not answer: ${answer.reason}`, remedy),
    );
  }
  if (answer.status !== 200)
    return fail(problem('envoy-refused', `the Envoy of ${pod} answered ${answer.status}`));
  return succeed(redact(JSON.parse(answer.text)));
}

/** A copy without private keys, wherever they are. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('PRIVATE KEY') ? hidden : value;
  if (Array.isArray(value)) return value.map(redact);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, secretFields.has(key) ? hidden : redact(inner)]),
  );
}
