// What others must know to believe this mesh about its workloads: its trust domain and roots. Nothing in it is secret.
import { toYaml } from '@xebec/config';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { BundleOptions } from '../commands/ca.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { stateDirectory } from '../state/state-directory.ts';

export async function printBundle(cli: Cli, options: BundleOptions): Promise<ExitCode> {
  const answer = await controlPlaneOf(stateDirectory(cli, options.state)).get('/v1/ca/bundle');
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  cli.stdout.write(bundleText(answer.value, options.output));
  return exitCode.done;
}

function bundleText(answer: unknown, format: BundleOptions['output']): string {
  const roots = at(answer, 'rootsPem');
  const rootsPem = Array.isArray(roots) ? roots.filter((root) => typeof root === 'string') : [];
  switch (format) {
    case 'pem':
      return rootsPem.join('');
    case 'spiffe':
      return textOf(at(answer, 'spiffe'));
    case 'mesh':
      return toYaml({
        caCertificates: [{ trustDomains: [textOf(at(answer, 'trustDomain'))], pem: rootsPem.join('') }],
      });
  }
}
