// Options about the bundle that other meshes get, which `up` passes on to its control plane.
import { resolve } from 'node:path';
import type { ControlPlaneOptions } from '@xebec/control-plane';
import { fail, type Result, succeed } from '@xebec/std';
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { problem } from '../output/diagnostics.ts';
import { durationArgument, listenArgument } from './shared-options.ts';

export interface BundleFlags {
  readonly bundleEndpoint?: string;
  readonly bundleCertificate?: string;
  readonly bundleKey?: string;
  readonly bundleRefresh?: number;
}

export const withBundleOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--bundle-endpoint <host:port>',
        'other meshes get the roots of this one there, as a SPIFFE bundle over HTTPS',
      ).argParser(listenArgument),
    )
    .option(
      '--bundle-certificate <file>',
      "certificate of the web for it, with its chain, as PEM (default: the control plane's own)",
    )
    .option('--bundle-key <file>', 'key of that certificate')
    .addOption(
      new Option(
        '--bundle-refresh <duration>',
        'how often they are to ask; another root waits three times as long before it signs (default: 5m)',
      ).argParser(durationArgument),
    );

/** The same words for another process. */
export const bundleArguments = (flags: BundleFlags): readonly string[] => [
  ...(flags.bundleEndpoint === undefined ? [] : ['--bundle-endpoint', flags.bundleEndpoint]),
  ...(flags.bundleCertificate === undefined ? [] : ['--bundle-certificate', flags.bundleCertificate]),
  ...(flags.bundleKey === undefined ? [] : ['--bundle-key', flags.bundleKey]),
  ...(flags.bundleRefresh === undefined ? [] : ['--bundle-refresh', `${flags.bundleRefresh}ms`]),
];

export function bundleEndpointOf(
  cli: Cli,
  flags: BundleFlags,
): Result<Pick<ControlPlaneOptions, 'bundleEndpoint'>> {
  const { bundleEndpoint: listen, bundleCertificate, bundleKey, bundleRefresh } = flags;
  if ((bundleCertificate === undefined) !== (bundleKey === undefined)) return fail(incomplete);
  if (listen === undefined)
    return bundleCertificate === undefined && bundleRefresh === undefined
      ? succeed({})
      : fail(withoutEndpoint);
  const files =
    bundleCertificate === undefined || bundleKey === undefined
      ? {}
      : {
          certificate: {
            certificateFile: resolve(cli.cwd, bundleCertificate),
            keyFile: resolve(cli.cwd, bundleKey),
          },
        };
  const refresh = bundleRefresh === undefined ? {} : { refreshMs: bundleRefresh };
  return succeed({ bundleEndpoint: { listen, ...files, ...refresh } });
}

const incomplete = problem(
  'incomplete-options',
  'a certificate and its key go together',
  'give both --bundle-certificate and --bundle-key, or neither',
);

const withoutEndpoint = problem(
  'incomplete-options',
  'there is no bundle endpoint that this could be for',
  'add --bundle-endpoint HOST:PORT',
);
