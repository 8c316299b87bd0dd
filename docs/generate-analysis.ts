// Writes the tables of docs/reference/analysis.md from the registry of findings: npx tsx docs/generate-analysis.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { type FindingRule, findingRules } from '@xebec/mesh';

const page = new URL('./reference/analysis.md', import.meta.url);
const marks = ['<!-- generated: begin -->', '<!-- generated: end -->'] as const;

const entryOf = ({
  code,
  name,
  severity,
  meaning,
  remedy,
  reasons,
  severities = {},
}: FindingRule): string => {
  const told = reasons.map(
    (reason) => `\`${reason}\`${severities[reason] === undefined ? '' : ` (${severities[reason]})`}`,
  );
  return `### ${code} ${name}\n\n**${severity}** · ${told.join(', ')}\n\n${meaning}\n\n_${remedy}_\n`;
};

/** The page with its generated part anew. */
export function withEntries(text: string): string {
  const [begin, end] = marks;
  const head = text.slice(0, text.indexOf(begin) + begin.length);
  const tail = text.slice(text.indexOf(end));
  return `${head}\n\n${findingRules.map(entryOf).join('\n')}\n${tail}`;
}

if (process.argv[1]?.endsWith('generate-analysis.ts'))
  writeFileSync(page, withEntries(readFileSync(page, 'utf8')));
