// Prints the proto of a template out of files, or of a standard one that has none of its own among the protos. Exit code 1: there is no such template, or its proto is another's.
import { parseDocuments, parseObject, type TemplateSpec } from '@xebec/config';
import { printTemplateProto, readTemplate, standardTemplates, type Template } from '@xebec/policy';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { PolicyProtoOptions } from '../commands/policy-proto.ts';
import { readDocuments, type SourceText } from '../documents/read-documents.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics } from '../output/diagnostics.ts';

export async function policyProto(
  cli: Cli,
  name: string,
  { filename = [] }: PolicyProtoOptions,
): Promise<ExitCode> {
  const texts = await readDocuments(cli, filename);
  const template = texts.ok ? templateNamed(name, texts.value) : texts;
  const printed = template.ok ? print(template.value) : template;
  if (!printed.ok) {
    printDiagnostics(cli, printed.diagnostics);
    return texts.ok ? exitCode.failed : exitCode.wrongUsage;
  }
  cli.stdout.write(printed.value);
  return exitCode.done;
}

const problem = (code: string, message: string, remedy: string): Diagnostic => ({
  severity: 'error',
  ...{ code, message, remedy },
});

function templateNamed(name: string, texts: readonly SourceText[]): Result<Template> {
  for (const { file, text } of texts) {
    for (const raw of parseDocuments(text, file).objects) {
      const parsed = parseObject(raw, { defaultNamespace: 'default' });
      if (!parsed.ok) continue;
      const { value } = parsed;
      if (value.kind === 'template' && value.metadata.name === name) return read(value.spec, name);
    }
  }
  const standard = standardTemplates.get(name);
  if (standard !== undefined) return succeed(standard);
  return fail(problem('no-template', `there is no template "${name}"`, 'name its file with -f'));
}

function read(spec: TemplateSpec, name: string): Result<Template> {
  const { template, faults } = readTemplate({ kind: 'template', namespace: 'default', name, spec });
  return template === undefined ? fail(...faults.list) : succeed(template);
}

/** Standard templates have their protos beside the others; they are printed alike but for their comments. */
function print(template: Template): Result<string> {
  if (template.descriptor !== undefined)
    return fail(
      problem(
        'has-descriptor',
        `the template "${template.name}" came with a descriptor of its own`,
        'use the proto that the descriptor was made of',
      ),
    );
  try {
    return succeed(printTemplateProto(template));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return fail(problem('no-proto', message, 'use the proto in packages/protos/proto/istio/mixer/template'));
  }
}
