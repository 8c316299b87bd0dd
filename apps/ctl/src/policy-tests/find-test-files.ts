// The files of tests of policies that somebody named, or that are below a directory: those called `*.authz.test.yaml`.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { displayName, type SourceText } from '../documents/read-documents.ts';
import { problem } from '../output/diagnostics.ts';

export interface TestSource extends SourceText {
  readonly path: string;
}

const testName = /\.authz\.test\.ya?ml$/;
const deepest = 20;

/** In the order of their names. Directories that are hidden or called `node_modules` are left out. */
export function findTestFiles(cwd: string, names: readonly string[]): Result<readonly TestSource[]> {
  const found = new Set<string>();
  const problems: Diagnostic[] = [];
  for (const name of names) {
    const path = resolve(cwd, name);
    try {
      const files = statSync(path).isDirectory() ? filesBelow(path, 0) : [path];
      if (files.length === 0) problems.push(noTests(name));
      for (const file of files) found.add(file);
    } catch {
      problems.push(problem('file-not-found', `${name} cannot be read`, 'check the path'));
    }
  }
  if (problems.length > 0) return fail(...problems);
  return readAll(cwd, [...found]);
}

const noTests = (name: string): Diagnostic =>
  problem('no-tests', `there is no file *.authz.test.yaml in ${name}`, 'name a directory that holds one');

function filesBelow(directory: string, depth: number): readonly string[] {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((left, right) =>
    left.name < right.name ? -1 : 1,
  );
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isFile()) return testName.test(entry.name) ? [path] : [];
    const isSkipped = entry.name.startsWith('.') || entry.name === 'node_modules' || depth >= deepest;
    return entry.isDirectory() && !isSkipped ? filesBelow(path, depth + 1) : [];
  });
}

function readAll(cwd: string, paths: readonly string[]): Result<readonly TestSource[]> {
  const problems: Diagnostic[] = [];
  const sources = paths.flatMap((path) => {
    try {
      return [{ path, file: displayName(cwd, path), text: readFileSync(path, 'utf8') }];
    } catch {
      problems.push(
        problem('file-not-readable', `${displayName(cwd, path)} cannot be read`, 'check its permissions'),
      );
      return [];
    }
  });
  return problems.length > 0 ? fail(...problems) : succeed(sources);
}
