// Lists objects, or shows one, as table, YAML or JSON.
import { fail, type Result, succeed } from '@xebec/std';
import { type ControlPlane, controlPlaneOf } from '../admin/control-plane.ts';
import { at, type JsonObject, objectsOf, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { GetOptions } from '../commands/get.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { printManifests, printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { columnsFor } from './columns.ts';
import { allKinds, type ResolvedKind, resolveKind } from './resolve-kind.ts';

export interface GetRequest extends GetOptions {
  readonly kind: string;
  readonly name: string | undefined;
}

/** Several kinds in one word, `rules,handlers`, are shown one after the other. */
export async function get(cli: Cli, request: GetRequest): Promise<ExitCode> {
  const words = request.kind.split(',').filter((word) => word !== '');
  if (words.length > 1) return getKinds(cli, words, request);
  const [word = '', named] = request.kind.split('/', 2);
  const name = request.name ?? named;
  if (word.toLowerCase() === 'all' && name === undefined) return await getKinds(cli, allKinds(), request);
  const kind = resolveKind(word);
  if (!kind.ok) return refuse(cli, ...kind.diagnostics);
  const controlPlane = controlPlaneOf(stateDirectory(cli, request.state));
  const found = await list(controlPlane, kind.value, { ...request, name });
  if (!found.ok) return refuse(cli, ...found.diagnostics);
  if (name !== undefined && found.value.length === 0) return refuse(cli, notFound(kind.value, name, request));
  await show(cli, kind.value, found.value, { ...request, name });
  return exitCode.done;
}

async function show(
  cli: Cli,
  kind: ResolvedKind,
  items: readonly JsonObject[],
  request: GetRequest,
): Promise<void> {
  if (request.output !== 'table') {
    const [only] = items;
    if (request.name !== undefined && items.length === 1)
      await printStructured(cli, request.output, shown(only ?? {}));
    else await printManifests(cli, request.output, items.map(shown));
    return;
  }
  if (items.length === 0) {
    cli.stderr.write(`no ${kind.kind} found${whereOf(kind, request)}\n`);
    return;
  }
  cli.stdout.write(tableOf(kind, items, request.allNamespaces === true));
}

const whereOf = ({ isNamespaced }: ResolvedKind, { allNamespaces, namespace }: GetRequest): string =>
  isNamespaced && allNamespaces !== true ? ` in namespace ${namespace}; -A looks in all` : '';

function tableOf(kind: ResolvedKind, items: readonly JsonObject[], withNamespaces: boolean): string {
  const columns = columnsFor(kind.kind);
  const isWide = withNamespaces && kind.isNamespaced;
  const rows = items.map((item) => [
    ...(isWide ? [textOf(at(item, 'metadata', 'namespace'))] : []),
    ...columns.map(({ of }) => of(item)),
  ]);
  return formatTable([...(isWide ? ['NAMESPACE'] : []), ...columns.map(({ heading }) => heading)], rows);
}

/** Without the fields that only the API's clients need. */
function shown(object: JsonObject): JsonObject {
  const { key: _key, ...manifest } = object;
  return manifest;
}

async function list(
  controlPlane: ControlPlane,
  { kind, isNamespaced }: ResolvedKind,
  { allNamespaces, namespace, name }: GetRequest,
): Promise<Result<readonly JsonObject[]>> {
  const query = new URLSearchParams({ kind, status: 'full' });
  if (isNamespaced && allNamespaces !== true) query.set('namespace', namespace);
  if (name !== undefined) query.set('name', name);
  const answer = await controlPlane.get(`/v1/objects?${query}`);
  return answer.ok ? succeed(objectsOf(at(answer.value, 'items'))) : fail(...answer.diagnostics);
}

const oneKind = (name: string) =>
  problem('several-kinds', `"${name}" is of one kind`, 'name one kind, or leave the name out');

function notFound(kind: ResolvedKind, name: string, request: GetRequest) {
  const where =
    kind.isNamespaced && request.allNamespaces !== true ? ` in namespace ${request.namespace}` : '';
  const remedy = `"xebec get ${kind.kind.toLowerCase()} -A" lists what there is`;
  return problem('not-found', `there is no ${kind.kind} "${name}"${where}`, remedy);
}

async function getKinds(cli: Cli, words: readonly string[], request: GetRequest): Promise<ExitCode> {
  if (request.name !== undefined) return refuse(cli, oneKind(request.name));
  const controlPlane = controlPlaneOf(stateDirectory(cli, request.state));
  const everything: JsonObject[] = [];
  let isFirst = true;
  for (const word of words) {
    const kind = resolveKind(word);
    if (!kind.ok) return refuse(cli, ...kind.diagnostics);
    const found = await list(controlPlane, kind.value, request);
    if (!found.ok) return refuse(cli, ...found.diagnostics);
    everything.push(...found.value);
    if (request.output !== 'table' || found.value.length === 0) continue;
    cli.stdout.write(`${isFirst ? '' : '\n'}# ${kind.value.kind}\n`);
    cli.stdout.write(tableOf(kind.value, found.value, request.allNamespaces === true));
    isFirst = false;
  }
  if (request.output !== 'table') await printManifests(cli, request.output, everything.map(shown));
  else if (isFirst) cli.stderr.write(`nothing found in namespace ${request.namespace}; -A looks in all\n`);
  return exitCode.done;
}
