// Output for programs: JSON as documented in the README of this app, YAML the same, several manifests as documents.
import type { Cli } from '../cli.ts';

/** Prints a value as JSON or YAML. */
export async function printStructured(cli: Cli, format: 'json' | 'yaml', value: unknown): Promise<void> {
  if (format === 'json') {
    cli.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  cli.stdout.write(await toYaml(value));
}

/** Prints manifests: one as itself, several as a `List` in JSON and as documents in YAML. */
export async function printManifests(
  cli: Cli,
  format: 'json' | 'yaml',
  manifests: readonly unknown[],
): Promise<void> {
  if (format === 'json') {
    await printStructured(cli, format, { apiVersion: 'v1', kind: 'List', items: manifests });
    return;
  }
  const documents = await Promise.all(manifests.map(toYaml));
  cli.stdout.write(documents.join('---\n'));
}

async function toYaml(value: unknown): Promise<string> {
  const config = await import('@xebec/config');
  return config.toYaml(value);
}
