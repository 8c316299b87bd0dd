// Documents on their way to the analysis.
import { analyzeDocuments, type Finding, findingsOfText } from '@xebec/control-plane';
import type { Diagnostic } from '@xebec/std';
import { manifestsToBe } from '../documents/manifests-to-be.ts';
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
  const { objects, broken, local } = await manifestsToBe(texts, cwd);
  return {
    findings: [...findingsOfText(broken), ...analyzeDocuments(objects, { defaultNamespace })],
    diagnostics: local,
  };
}
