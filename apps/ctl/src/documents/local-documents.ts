// Documents for this machine only (`local.xebec.io`): they go to the agent, never to the control plane.
import type { SourceText } from './read-documents.ts';

/** YAML, or JSON anywhere on a line. */
const mention = /(?:^\s*apiVersion|"apiVersion")\s*:\s*["']?local\.xebec\.io\//m;

export const localGroup = 'local.xebec.io/';

/** The texts with local documents blanked out: lines keep their numbers. Texts with nothing else are left out. */
export function withoutLocalDocuments(texts: readonly SourceText[]): readonly SourceText[] {
  return texts.flatMap(({ file, text }) => {
    if (!mention.test(text)) return [{ file, text }];
    const kept = blankLocal(text);
    return kept.trim() === '' ? [] : [{ file, text: kept }];
  });
}

export const hasLocalDocuments = ({ text }: SourceText): boolean => mention.test(text);

function blankLocal(text: string): string {
  const documents: string[][] = [[]];
  for (const line of text.split('\n')) {
    if (line.startsWith('---')) documents.push([]);
    documents.at(-1)?.push(line);
  }
  return documents
    .flatMap((lines) => (mention.test(lines.join('\n')) ? lines.map(() => '') : lines))
    .join('\n');
}
