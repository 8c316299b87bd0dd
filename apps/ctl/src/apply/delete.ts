// Deletes what documents name, or objects by kind and name; one transaction.
import { fail, type Result, succeed } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { DeleteOptions } from '../commands/delete.ts';
import { withoutLocalDocuments } from '../documents/local-documents.ts';
import { readDocuments } from '../documents/read-documents.ts';
import type { ExitCode } from '../exit-code.ts';
import { resolveKind } from '../get/resolve-kind.ts';
import { refuse } from '../output/diagnostics.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { finishChange } from './apply.ts';
import { authorOf } from './author.ts';
import { readApplied } from './changes.ts';

export interface DeleteRequest extends DeleteOptions {
  readonly kind: string | undefined;
  readonly names: readonly string[];
}

export async function deleteObjects(cli: Cli, request: DeleteRequest): Promise<ExitCode> {
  const named = await whatToDelete(cli, request);
  if (!named.ok) return refuse(cli, ...named.diagnostics);
  const controlPlane = controlPlaneOf(stateDirectory(cli, request.state));
  const body = { ...named.value, author: authorOf(cli), namespace: request.namespace };
  const answer = await controlPlane.post('/v1/delete', body);
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const { wait, output } = request;
  return await finishChange(cli, { controlPlane, applied: readApplied(answer.value), wait, output });
}

async function whatToDelete(cli: Cli, request: DeleteRequest): Promise<Result<object>> {
  const { filename, kind, names, namespace } = request;
  if (filename !== undefined) {
    const read = await readDocuments(cli, filename);
    return read.ok ? succeed({ documents: withoutLocalDocuments(read.value) }) : read;
  }
  const resolved = resolveKind(kind ?? '');
  if (!resolved.ok) return fail(...resolved.diagnostics);
  const { kind: known, isNamespaced } = resolved.value;
  return succeed({ keys: names.map((name) => `${known}/${isNamespaced ? namespace : ''}/${name}`) });
}
