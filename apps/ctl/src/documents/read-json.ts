// One JSON value out of a file or standard input.
import { fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import { problem } from '../output/diagnostics.ts';
import { readDocuments } from './read-documents.ts';

/** Attributes of a call; no file: none. */
export async function readJsonFile(cli: Cli, file: string | undefined): Promise<Result<unknown>> {
  if (file === undefined) return succeed({});
  const read = await readDocuments(cli, [file]);
  if (!read.ok) return read;
  try {
    return succeed(JSON.parse(read.value[0]?.text ?? ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      problem('invalid-json', `${file}: ${reason}`, 'write one JSON object: names, and their values'),
    );
  }
}
