// xebec proxy-config: what an Envoy runs with, from its own admin interface, with the cause of each resource.
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface ProxyConfigOptions {
  readonly output: 'table' | 'json' | 'yaml';
  readonly state?: string;
}

const parts = [
  ['all', 'everything, except private keys', []],
  ['bootstrap', 'what the Envoy was started with', []],
  ['cluster', 'clusters', ['clusters', 'c']],
  ['ecds', 'filters that are fetched by name: extensions', ['extension', 'extensions']],
  ['endpoint', 'endpoints with their health', ['endpoints', 'ep']],
  ['listener', 'listeners and their filter chains', ['listeners', 'l']],
  ['route', 'routes by virtual host', ['routes', 'r']],
  ['secret', 'certificates, never private keys', ['secrets', 's']],
] as const;

export type ProxyConfigPart = (typeof parts)[number][0];

export const defineProxyConfig: DefineCommand = (cli, finish) => {
  const command = newCommand('proxy-config', 'show the configuration of one Envoy', [
    'xebec proxy-config cluster productpage-v1',
    'xebec proxy-config route reviews-v1 -o json',
  ]).alias('pc');
  for (const [part, summary, aliases] of parts) {
    command
      .command(part)
      .description(summary)
      .aliases(aliases)
      .argument('<workload>', 'pod, POD.NAMESPACE, deployment, or the unique beginning of one')
      .addOption(outputOption('table', 'json', 'yaml'))
      .addOption(stateOption())
      .action(async (workload: string, options: ProxyConfigOptions) => {
        const { proxyConfig } = await import('../proxies/proxy-config.ts');
        finish(await proxyConfig(cli, { ...options, part, workload }));
      });
  }
  return command;
};
