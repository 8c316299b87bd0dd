// What documents would put into a mesh: their manifests, and the gateways that the agent of this machine would run beside them.
import { parseDocuments, type RawObject } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import { gatewayDeployment } from './gateway-deployment.ts';
import { hasLocalDocuments, withoutLocalDocuments } from './local-documents.ts';
import type { SourceText } from './read-documents.ts';

export interface ManifestsToBe {
  readonly objects: readonly RawObject[];
  /** Of texts that are no documents. */
  readonly broken: readonly Diagnostic[];
  /** Of documents that are not for the mesh. */
  readonly local: readonly Diagnostic[];
}

export async function manifestsToBe(texts: readonly SourceText[], cwd: string): Promise<ManifestsToBe> {
  const parsed = withoutLocalDocuments(texts).map(({ file, text }) => parseDocuments(text, file));
  const { gateways, diagnostics } = await readLocal(texts.filter(hasLocalDocuments), cwd);
  return {
    objects: [...parsed.flatMap(({ objects }) => objects), ...gateways],
    broken: parsed.flatMap((each) => each.diagnostics),
    local: diagnostics,
  };
}

interface Local {
  readonly gateways: readonly RawObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The agent's reader is loaded only where there is something for it to read. */
async function readLocal(texts: readonly SourceText[], cwd: string): Promise<Local> {
  if (texts.length === 0) return { gateways: [], diagnostics: [] };
  const { readLocalImages } = await import('./local-images.ts');
  const { files, diagnostics } = readLocalImages(texts, cwd);
  // Several files may name the gateway that this machine has once.
  const gateways = new Map(
    files.flatMap(({ images }) => images.gateways).map((each) => [`${each.namespace}/${each.name}`, each]),
  );
  return { gateways: [...gateways.values()].map(gatewayDeployment), diagnostics };
}
