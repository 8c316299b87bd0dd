// xebec ca: the certificate authority of a mesh, and the way from one root to the next.
import { type Command, Option } from 'commander';
import { durationArgument, outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface AuthorityOptions {
  readonly state?: string;
  readonly output: 'table' | 'json';
}

export interface RotateOptions extends AuthorityOptions {
  readonly intermediate?: boolean;
  readonly stage: 'trust' | 'reissue' | 'verify' | 'retire';
  readonly from?: string;
  readonly keyAlgorithm?: string;
  readonly force?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
}

export interface RollBackOptions extends AuthorityOptions {
  readonly wait: boolean;
  readonly timeout: number;
}

export interface ReplaceOptions {
  readonly from?: string;
  readonly yes?: boolean;
  readonly state?: string;
}

export interface BundleOptions {
  readonly state?: string;
  readonly output: 'mesh' | 'pem' | 'spiffe';
}

const defaultTimeoutMs = 600_000;

const timeoutOption = (): Option =>
  new Option('--timeout <duration>', 'how long to wait; the rotation goes on without this command')
    .argParser(durationArgument)
    .default(defaultTimeoutMs, '10m');

type Add = (ca: Command, ...rest: Parameters<DefineCommand>) => void;

const addStatus: Add = (ca, cli, finish) => {
  ca.command('status')
    .description('certificates, who trusts what, and what a rotation waits for; also of a mesh that is down')
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (options: AuthorityOptions) => {
      const { authorityStatus } = await import('../authority/status.ts');
      finish(await authorityStatus(cli, options));
    });
};

const addBundle: Add = (ca, cli, finish) => {
  ca.command('bundle')
    .description('the trust domain and roots of this mesh, for another mesh that is to believe it')
    .addOption(
      new Option(
        '-o, --output <format>',
        'a setting of the other mesh, plain certificates, or a SPIFFE bundle',
      )
        .choices(['mesh', 'pem', 'spiffe'])
        .default('mesh'),
    )
    .addOption(stateOption())
    .action(async (options: BundleOptions) => {
      const { printBundle } = await import('../authority/bundle.ts');
      finish(await printBundle(cli, options));
    });
};

const addRotation: Add = (ca, cli, finish) => {
  ca.command('rotate')
    .description('a new root, without a failed request: both trusted, reissue, verify, retire')
    .addHelpText(
      'after',
      `
A step begins when every workload is proven to have the one before. The control plane goes on by itself,
also after a restart; called again, the command goes on waiting, or lets a rotation go further.
Until "retire" there is a way back: xebec ca rollback.

Examples:
  xebec ca rotate                           from beginning to end
  xebec ca rotate --stage verify            everything but the last step
  xebec ca rotate --intermediate            the same root, another intermediate
  xebec ca rotate --from ./new-cacerts      to an authority that somebody else made`,
    )
    .addOption(
      new Option('--stage <stage>', 'how far')
        .choices(['trust', 'reissue', 'verify', 'retire'])
        .default('retire'),
    )
    .option('--intermediate', 'keep the root')
    .option('--from <dir>', 'root-cert.pem, ca-cert.pem, ca-key.pem and cert-chain.pem of the next authority')
    .addOption(
      new Option('--key-algorithm <name>', 'of keys that are made here (default: ecdsa-p256)').choices([
        'ecdsa-p256',
        'ecdsa-p384',
        'rsa-2048',
        'rsa-3072',
        'rsa-4096',
      ]),
    )
    .option('--force', 'without waiting for anybody, as when the old root has expired')
    .option('--no-wait', 'only begin')
    .addOption(timeoutOption())
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (options: RotateOptions) => {
      const { rotate } = await import('../authority/rotate.ts');
      finish(await rotate(cli, options));
    });
  ca.command('rollback')
    .description('undo a rotation that has not yet retired the old root')
    .option('--no-wait', 'only begin')
    .addOption(timeoutOption())
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (options: RollBackOptions) => {
      const { rollBack } = await import('../authority/rotate.ts');
      finish(await rollBack(cli, options));
    });
};

const addReplacement: Add = (ca, cli, finish) => {
  ca.command('replace')
    .description('another authority for a mesh that is down, as when its root has expired')
    .addHelpText(
      'after',
      `
Every certificate of the old authority counts for nothing afterwards; its files are kept beside the new ones.
For a mesh that runs use "xebec ca rotate", with --force when its root has expired.

Examples:
  xebec ca replace                       a new one is made at the next start
  xebec ca replace --from ./new-cacerts  one that somebody else made`,
    )
    .option('--from <dir>', 'root-cert.pem, ca-cert.pem, ca-key.pem and cert-chain.pem of the new authority')
    .option('--yes', 'although the authority has not expired')
    .addOption(stateOption())
    .action(async (options: ReplaceOptions) => {
      const { replaceAuthority } = await import('../authority/replace.ts');
      finish(await replaceAuthority(cli, options));
    });
};

const addRevocation: Add = (ca, cli, finish) => {
  ca.command('revoke')
    .description(
      'proxies refuse a certificate from now on, or all of an identity, which then gets no other one',
    )
    .argument('<serial|identity>', 'in hexadecimal ("xebec ca status -o json"), or a SPIFFE id')
    .addHelpText(
      'after',
      `
Connections that are open stay open; the certificate counts for no new one.

Examples:
  xebec ca revoke spiffe://cluster.local/ns/default/sa/reviews
  xebec ca unrevoke spiffe://cluster.local/ns/default/sa/reviews
  xebec ca revoke 4F:8A:01:C3:9D:77:20:4B:11:EE:02:6A:90:5C:DD:31`,
    )
    .addOption(stateOption())
    .action(async (what: string, options: Pick<AuthorityOptions, 'state'>) => {
      const { revoke } = await import('../authority/revoke.ts');
      finish(await revoke(cli, { verb: 'revoke', what }, options.state));
    });
  ca.command('unrevoke')
    .description('undo "ca revoke"')
    .argument('<serial|identity>', 'as it was revoked')
    .addOption(stateOption())
    .action(async (what: string, options: Pick<AuthorityOptions, 'state'>) => {
      const { revoke } = await import('../authority/revoke.ts');
      finish(await revoke(cli, { verb: 'unrevoke', what }, options.state));
    });
};

export const defineCa: DefineCommand = (cli, finish) => {
  const ca = newCommand('ca', 'the certificate authority: what is trusted, by whom, and until when');
  for (const add of [addStatus, addBundle, addRotation, addReplacement, addRevocation]) add(ca, cli, finish);
  return ca;
};
