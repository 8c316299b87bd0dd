// xebec rollout: replaces the Pods of a Deployment one after another, and tells how far that is.
import { durationArgument, namespaceOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface RolloutOptions {
  readonly state?: string;
  readonly namespace: string;
  readonly wait?: number | true;
}

export const defineRollout: DefineCommand = (cli, finish) => {
  const rollout = newCommand('rollout', 'replace the Pods of a Deployment without losing a request', [
    'xebec rollout restart deployment reviews-v1 --wait',
    'xebec rollout status deployment reviews-v1',
  ]);
  for (const [name, summary] of [
    ['restart', 'start new Pods of the same template; old ones go as new ones are ready'],
    ['status', 'wait until all Pods are of the newest template and ready'],
  ] as const) {
    rollout
      .command(name)
      .description(summary)
      .argument('<kind>', 'deployment')
      .argument('<name>', 'its name')
      .addOption(stateOption())
      .addOption(namespaceOption())
      .option('--wait [duration]', 'wait until all new Pods are ready (default 2m)', (text: string) =>
        durationArgument(text),
      )
      .action(async (kind: string, workload: string, options: RolloutOptions) => {
        const { rollOut } = await import('../rollout/rollout.ts');
        finish(await rollOut(cli, { verb: name, kind, name: workload }, options));
      });
  }
  return rollout;
};
