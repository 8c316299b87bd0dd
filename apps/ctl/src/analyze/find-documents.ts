// Documents on their way to the analysis: manifests, and the gateways that the agent of this machine would run beside them.
import { parseDocuments, type RawObject } from '@xebec/config';
import { analyzeDocuments, type Finding, findingsOfText } from '@xebec/control-plane';
import type { Diagnostic } from '@xebec/std';
import { gatewayDeployment } from '../documents/gateway-deployment.ts';
import { hasLocalDocuments, withoutLocalDocuments } from '../documents/local-documents.ts';
import type { SourceText } from '../documents/read-documents.ts';

export interface FindOptions {
  readonly defaultNamespace: string;
  readonly cwd: string;
}

export interface Found {
  readonly findings: readonly Finding[];
  /** What is wrong with documents that are not for the mesh. */
  readonly diagnostics: readonly Diagnostic[];
}

export async function findDocuments(
  texts: readonly SourceText[],
  { defaultNamespace, cwd }: FindOptions,
): Promise<Found> {
  const parsed = withoutLocalDocuments(texts).map(({ file, text }) => parseDocuments(text, file));
  const broken = findingsOfText(parsed.flatMap(({ diagnostics }) => diagnostics));
  const local = await readLocal(texts.filter(hasLocalDocuments), cwd);
  const raws = [...parsed.flatMap(({ objects }) => objects), ...local.gateways];
  return {
    findings: [...broken, ...analyzeDocuments(raws, { defaultNamespace })],
    diagnostics: local.diagnostics,
  };
}

interface Local {
  readonly gateways: readonly RawObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The agent's reader is loaded only where there is something for it to read. */
async function readLocal(texts: readonly SourceText[], cwd: string): Promise<Local> {
  if (texts.length === 0) return { gateways: [], diagnostics: [] };
  const { readLocalImages } = await import('../documents/local-images.ts');
  const { files, diagnostics } = readLocalImages(texts, cwd);
  // Several files may name the gateway that this machine has once.
  const gateways = new Map(
    files.flatMap(({ images }) => images.gateways).map((each) => [`${each.namespace}/${each.name}`, each]),
  );
  return { gateways: [...gateways.values()].map(gatewayDeployment), diagnostics };
}
