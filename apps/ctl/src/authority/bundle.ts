// What others must know to believe this mesh about its workloads: its trust domain and roots. Nothing in it is secret.
import { X509Certificate } from 'node:crypto';
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
  const roots = at(answer.value, 'rootsPem');
  const rootsPem = Array.isArray(roots) ? roots.filter((root) => typeof root === 'string') : [];
  cli.stdout.write(bundleText(textOf(at(answer.value, 'trustDomain')), rootsPem, options.format));
  return exitCode.done;
}

function bundleText(
  trustDomain: string,
  rootsPem: readonly string[],
  format: BundleOptions['format'],
): string {
  switch (format) {
    case 'pem':
      return rootsPem.join('');
    case 'spiffe':
      return `${JSON.stringify({ keys: rootsPem.map(keyOf) }, undefined, 2)}\n`;
    case 'mesh':
      return toYaml({ caCertificates: [{ trustDomains: [trustDomain], pem: rootsPem.join('') }] });
  }
}

/** As the SPIFFE standard writes roots: a JSON web key with its certificate. */
function keyOf(pem: string): object {
  const certificate = new X509Certificate(pem);
  const { kty, crv, x, y, n, e } = certificate.publicKey.export({ format: 'jwk' });
  return { use: 'x509-svid', kty, crv, x, y, n, e, x5c: [certificate.raw.toString('base64')] };
}
