// Writes converted documents to standard output, and what to know about them to standard error.
import { convertObjects, parseDocuments, toYamlStream } from '@xebec/config';
import type { Cli } from '../cli.ts';
import type { ConvertOptions } from '../commands/convert.ts';
import { readDocuments } from '../documents/read-documents.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, problem, refuse } from '../output/diagnostics.ts';

export async function convert(cli: Cli, options: ConvertOptions): Promise<ExitCode> {
  const read = await readDocuments(cli, options.filename);
  if (!read.ok) return refuse(cli, ...read.diagnostics);
  const parsed = read.value.map(({ file, text }) => parseDocuments(text, file));
  const malformed = parsed.flatMap(({ diagnostics }) => diagnostics);
  const converted = convertObjects(
    parsed.flatMap(({ objects }) => objects),
    options.namespace,
  );
  const diagnostics = [...malformed, ...converted.diagnostics];
  printDiagnostics(cli, diagnostics);
  if (converted.found === 0) {
    return refuse(
      cli,
      problem(
        'nothing-to-convert',
        'there is no RouteRule, DestinationPolicy, EgressRule, IngressRule, ServiceRole, RbacConfig, and no adapter or template of Istio 1.0 here',
        'name the files that hold them',
      ),
    );
  }
  const isRefused = diagnostics.some(({ severity }) => severity === 'error');
  if (!isRefused || options.skipRefused === true) {
    const { manifests } = converted;
    cli.stdout.write(
      options.output === 'json' ? `${JSON.stringify(manifests, null, 2)}\n` : toYamlStream(manifests),
    );
  }
  return isRefused ? exitCode.failed : exitCode.done;
}
